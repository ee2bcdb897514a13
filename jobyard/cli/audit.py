"""`jobyard audit`: who changed what, when, and how it was before and after."""

import json
from datetime import datetime
from itertools import islice
from typing import Annotated

import typer

from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import notes, output, print_json
from jobyard.cli.times import MOMENT, MOMENT_HELP, local, moment_option
from jobyard.models import AuditEntry

COLUMNS = (
    Column("Time"),
    Column("Who"),
    Column("Action"),
    Column("Target"),
    Column("Details", fold=True),
    Column("From"),
    Column("API token"),
)

AfterOption = typer.Option(parser=moment_option, metavar=MOMENT, help=f"Then or later: {MOMENT_HELP}.")
BeforeOption = typer.Option(parser=moment_option, metavar=MOMENT, help="Earlier than that.")


def audit(
    context: typer.Context,
    actor: Annotated[str | None, typer.Option(help="Only of this user; `jobyard` is the platform itself.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, for example `job.killed`.")] = None,
    target: Annotated[str | None, typer.Option(help="Only changes of this, for example `user/ada`.")] = None,
    address: Annotated[str | None, typer.Option(help="Only what came from this address.")] = None,
    token: Annotated[str | None, typer.Option(help="Only what was done with an API token of this name.")] = None,
    after: Annotated[datetime | None, AfterOption] = None,
    before: Annotated[datetime | None, BeforeOption] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many, newest first.")] = 50,
    everything: Annotated[bool, typer.Option("--all", "-a", help="No limit.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what, newest first, for administrators. With --json, a document per line."""
    found = session(context).client.people.audit(
        actor=actor,
        action=action,
        target=target,
        address=address,
        token=token,
        after=after,
        before=before,
        page_size=500 if everything else min(limit, 500),
    )
    entries = found if everything else islice(found, limit)
    if as_json:
        for entry in entries:
            print_json(entry)
        return
    rows = [_row(entry) for entry in entries]
    if rows:
        print_table(output(), COLUMNS, rows)
    else:
        notes().print("No changes.")


def _row(entry: AuditEntry) -> list[str]:
    details = json.dumps(entry.details, ensure_ascii=False) if entry.details else ""
    return [local(entry.time), entry.actor, entry.action, entry.target, details, entry.address or "", entry.token or ""]
