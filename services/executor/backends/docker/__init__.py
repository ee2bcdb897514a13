"""Runs as containers of this machine's Docker engine, each with the supervisor of the backend `process` as its first
process.

The supervisor is mounted with the interpreter that it needs (`runtime`), so a run behaves as it does everywhere,
whatever its image: stopping, output, masking, shells and ports are one code, and none of it needs an executor. `inside`
runs in the container and imports the standard library and what the supervisor imports.
"""
