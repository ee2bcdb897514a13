"""What the API takes and gives, as models: the OpenAPI document and the client are generated from these.

Requests forbid unknown fields; answers are the contracts themselves, with what only the API adds.
"""
