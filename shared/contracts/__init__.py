"""The contracts between the parts: the job, its events, its runs, the commands and the subjects they travel on.

Frozen pydantic models, read leniently (unknown fields are ignored) so that old and new services can run side by
side. Within v1 a change may only add: `tests/schema` compares the committed JSON schemas.
"""
