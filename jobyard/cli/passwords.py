"""Passwords for the commands: typed without an echo, or lines of standard input; never an argument."""

import sys
from typing import Annotated

import typer

from jobyard.errors import Invalid

StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read passwords from stdin, one per line, for scripts.")
]


def present(from_stdin: bool, prompt: str = "Password") -> str:
    """A password that counts already."""
    return _line() if from_stdin else str(typer.prompt(prompt, hide_input=True, err=True))


def fresh(from_stdin: bool, prompt: str = "New password") -> str:
    """A new one, typed twice."""
    if from_stdin:
        return _line()
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise Invalid("There is no password on standard input; write it there, with a line feed.")
    return line.rstrip("\r\n")
