"""Many jobs at once: the options that choose them, the question before they are changed, and what became of each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from jobyard.cli.confirm import confirm
from jobyard.cli.session import OK, exit_code_of, session
from jobyard.cli.show import statuses_of
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.client import Client
from jobyard.errors import error_of
from jobyard.models import Outcome

AT_ONCE = 1000

StatusOption = Annotated[
    list[str] | None, typer.Option("--status", "-s", help="All my jobs in these, for example `queued,running`.")
]
LabelOption = Annotated[
    list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="All my jobs with this label.")
]
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="All my jobs whose name begins so.")]
VcOption = Annotated[str | None, typer.Option("--vc", help="All my jobs of this virtual cluster.")]
OwnerOption = Annotated[str | None, typer.Option("--owner", help="This user's jobs, as far as I may act on them.")]


def chosen(
    status: Sequence[str] | None, label: Sequence[str] | None, name: str | None, vc: str | None, owner: str | None
) -> dict[str, Any]:
    """The API's filter for these options; empty without any."""
    found: dict[str, Any] = {}
    if status:
        found["status"] = [statuses_of(part) for text in status for part in text.split(",") if part]
    if label:
        found["label"] = dict(_label(text) for text in label)
    found |= {key: value for key, value in (("q", name), ("vc", vc), ("owner", owner)) if value is not None}
    return found


def act_on_many(
    context: typer.Context,
    action: str,
    filter: dict[str, Any],
    yes: bool,
    as_json: bool,
    priority: int | None = None,
) -> None:
    """Find the jobs, ask, and change exactly those. The exit code is that of the first refusal."""
    client = session(context).client
    ids = list(_meant(client, action, filter, priority))
    if not ids:
        notes().print("No jobs match.")
        return
    jobs = _jobs(len(ids))
    question = f"Set the priority of {jobs} to {priority}?" if priority else f"{action.title()} {jobs}?"
    confirm(question, f"{action} {jobs}", yes)
    code = OK
    for piece in _pieces(ids):
        for result in client.change_many(action, piece, priority=priority).outcomes:
            shown = _show(result, as_json)
            code = code or shown
    if code:
        raise typer.Exit(code)


def _meant(client: Client, action: str, filter: dict[str, Any], priority: int | None) -> Iterator[str]:
    cursor: str | None = None
    while True:
        page = client.change_many(action, filter=filter, priority=priority, cursor=cursor, dry_run=True)
        yield from (result.id for result in page.outcomes if result.id is not None)
        cursor = page.next_cursor
        if cursor is None:
            return


def _show(result: Outcome, as_json: bool) -> int:
    """Print one outcome; its exit code."""
    if as_json:
        print_json(result)
    if result.problem is None:
        if not as_json:
            output().print(result.id)
        return OK
    error = error_of(result.status, {"detail": result.problem.detail})
    notes().print(Text.assemble(("error: ", "bold red"), f"{result.id}: {inert(error.message)}"))
    return exit_code_of(error)


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count:,} jobs"


def _pieces(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[begin : begin + AT_ONCE] for begin in range(0, len(ids), AT_ONCE))


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise typer.BadParameter(f"'{text}' is no label; write KEY=VALUE.")
    return key, value
