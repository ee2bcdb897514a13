"""The question before what cannot be undone; who cannot be asked has to say `--yes`."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.session import NOT_WELL, USAGE
from jobyard.cli.terminal import inert, notes

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether I mean it.")]


def confirm(question: str, would: str, yes: bool) -> None:
    """Raises Exit where nobody can answer, or the answer is no. Only stderr is written to.

    question: `Kill 3 jobs?`; would: `kill 3 jobs`.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        notes().print(Text(f"error: this would {inert(would)}; give --yes if that is meant."))
        raise typer.Exit(USAGE)
    notes().print(Text(f"{inert(question)} [y/N]"), end=" ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        notes().print("Nothing was changed.")
        raise typer.Exit(NOT_WELL)
