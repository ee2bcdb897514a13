"""What is written from the code rather than by hand: `python -m docs.tools` writes it, `--check` says what is old."""
