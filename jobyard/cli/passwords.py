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
    if from_stdin:
        return _line()
    _require_a_terminal()
    return str(typer.prompt(prompt, hide_input=True, err=True))


def fresh(from_stdin: bool, prompt: str = "New password") -> str:
    """A new one, typed twice."""
    if from_stdin:
        return _line()
    _require_a_terminal()
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True))


def _require_a_terminal() -> None:
    """Raises BadParameter where nobody can type unseen: what comes through a pipe is for --password-stdin."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("Standard input is no terminal; use --password-stdin to read a password from it.")


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise Invalid("There is no password on standard input; write it there, with a line feed.")
    return line.rstrip("\r\n")
