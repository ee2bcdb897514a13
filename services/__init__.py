"""The services: each owns its facts, and they speak only through messages."""
