"""The `jobyard` command: one module per group of commands, each a thin layer over `jobyard.Client`."""

from jobyard.cli.app import main

__all__ = ["main"]
