"""Owns job documents and their life cycle: the only writer of a job's status."""
