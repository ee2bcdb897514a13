"""`python -m jobyard` is the `jobyard` command."""

from jobyard.cli import main

main()
