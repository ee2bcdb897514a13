"""`jobyard logs`: a job's console, followed while it runs, or its whole output as a file."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from jobyard.cli.lastrow import LastRow
from jobyard.cli.session import JobArgument, JsonOption, session
from jobyard.cli.terminal import inert, notes, print_json, print_line
from jobyard.cli.times import precise
from jobyard.client import Client
from jobyard.errors import Invalid
from jobyard.models import LogGap, LogLine
from jobyard.watching import LINES_KEPT, in_order

Form = Callable[[LogLine | LogGap], str]


def logs(
    context: typer.Context,
    job: JobArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job is over.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=1, max=LINES_KEPT, help="How many of the last lines; else 2000.")
    ] = None,
    times: Annotated[bool, typer.Option("--times", "-t", help="Put the time before each line.")] = False,
    download: Annotated[
        Path | None,
        typer.Option("--download", metavar="FILE", help="Write the whole output there as it is; - is stdout."),
    ] = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="Whose output --download writes; else the last.")] = None,
    rank: Annotated[
        int | None,
        typer.Option(min=0, max=63, help="Only this rank; else all, each line with its own."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a job's console. With --json, a document per line."""
    current = session(context)
    job_id = current.job_id(job)
    if download is not None:
        if follow or as_json:
            raise Invalid("--download goes with neither --follow nor --json; leave one out.")
        save(current.client.download_log(job_id, attempt, rank), download)
        return
    several = rank is None and current.client.get(job_id).nodes > 1
    if follow:
        follow_console(current.client, job_id, tail, rank, times=times, as_json=as_json, several=several)
        return
    page, form = current.client.logs(job_id, tail or LINES_KEPT, rank), form_of(times, several)
    items = in_order(page)
    print_console(items if tail else _saying_what_is_cut(items, job_id, several), form, as_json=as_json)
    if sys.stdout.isatty() and not as_json:
        print_console(page.unfinished or (), form)


def follow_console(
    client: Client,
    job_id: str,
    tail: int | None = None,
    rank: int | None = None,
    *,
    times: bool = False,
    as_json: bool = False,
    several: bool = False,
) -> None:
    """Print lines as they come, until the job is over; on a terminal also one that has not ended, as it changes.

    several: each with its rank before it.
    """
    form = form_of(times, several)
    row = LastRow(form)
    items = client.follow_logs(job_id, tail or LINES_KEPT, rank, on_unfinished=None if as_json else row.show)
    shown = items if tail else _saying_what_is_cut(items, job_id, several)
    try:
        print_console(shown, form, as_json=as_json, before=row.clear)
    finally:
        row.clear()


def _saying_what_is_cut(items: Iterable[LogLine | LogGap], job_id: str, several: bool) -> Iterator[LogLine | LogGap]:
    """The same items; before the first one, on stderr, how many lines came before it, if its number says so."""
    for number, item in enumerate(items):
        if number == 0 and (before := item.after_seq if isinstance(item, LogGap) else item.seq - 1):
            lines = "1 earlier line is" if before == 1 else f"{before:,} earlier lines are"
            lines = "Earlier lines are" if several else lines
            notes().print(f"{lines} not shown; `jobyard logs {job_id} --download FILE` writes all of an attempt.")
        yield item


def print_console(
    items: Iterable[LogLine | LogGap],
    form: Form,
    *,
    as_json: bool = False,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Print lines as they come; `before` is called before each."""
    for item in items:
        before()
        if as_json:
            print_json(item)
        else:
            print_line(form(item))


def form_of(times: bool = False, several: bool = False) -> Form:
    """How a line, and a place where lines are missing, is printed: with its time, with its rank."""

    def written(item: LogLine | LogGap) -> str:
        rank = f"[{item.rank}] " if several else ""
        if isinstance(item, LogGap):
            return f"{rank}[... {item.lost} lines were lost here]"
        return f"{rank}{precise(item.time)}  {item.text}" if times else f"{rank}{item.text}"

    return written


def save(pieces: Iterable[bytes], target: Path) -> None:
    """Write the whole output; on a terminal it is made inert. Raises Invalid when the file can't be written."""
    if str(target) == "-":
        for piece in pieces:
            if sys.stdout.isatty():
                text = piece.decode("utf-8", "replace")
                sys.stdout.write("\n".join(inert(line) for line in text.split("\n")))
            else:
                sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return
    size = 0
    try:
        with target.open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
    except OSError as error:
        raise Invalid(f"{target} can't be written: {error.strerror}.") from error
    notes().print(f"{size} bytes written to {target}")
