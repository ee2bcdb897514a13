"""`jobyard submit --dry-run`: what would become of submissions, and what the platform warns of; nothing is stored."""

from collections.abc import Iterable
from typing import Any

import typer
from rich.text import Text

from jobyard.cli.session import REFUSED, Session
from jobyard.cli.show import print_planned
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.errors import JobyardError, Unavailable


def foretell(current: Session, requests: list[dict[str, Any]], as_json: bool) -> None:
    """What would become of each. Raises Exit if one would be refused."""
    refused = False
    for index, request in enumerate(requests):
        try:
            planned = current.client.validate(request)
        except Unavailable:
            raise
        except JobyardError as error:
            if len(requests) == 1:
                raise
            refused = True
            name = inert(str(request.get("name", "without a name")))
            notes().print(Text(f"error: job {index + 1} ({name}): {inert(error.message)}"))
            continue
        if as_json:
            print_json(planned)
        else:
            print_planned(output(), planned.job)
        warn(planned.warnings)
    notes().print("Nothing was submitted.")
    if refused:
        raise typer.Exit(REFUSED)


def warn(warnings: Iterable[str]) -> None:
    """On stderr, so that what is printed stays an id."""
    for warning in warnings:
        notes().print(Text.assemble(("warning: ", "yellow"), inert(warning)))
