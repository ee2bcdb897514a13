"""`jobyard logs`: a job's console, followed while it runs, or its whole output as a file."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from jobyard.cli.session import JobArgument, JsonOption, session
from jobyard.cli.terminal import inert, notes, print_json, print_line
from jobyard.cli.times import precise
from jobyard.errors import Invalid
from jobyard.models import LogGap, LogLine
from jobyard.watching import LINES_KEPT, in_order


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
        typer.Option(min=0, max=1023, help="Only this rank; else all, each line with its own."),
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
    most, client = tail or LINES_KEPT, current.client
    ranks = client.get(job_id).nodes if rank is None else 1
    items = client.follow_logs(job_id, most, rank) if follow else in_order(client.logs(job_id, most, rank))
    items = items if tail else _saying_what_is_cut(items, job_id, several=ranks > 1)
    print_console(items, times=times, as_json=as_json, several=ranks > 1)


def _saying_what_is_cut(items: Iterable[LogLine | LogGap], job_id: str, several: bool) -> Iterator[LogLine | LogGap]:
    """The same items; before the first one, on stderr, how many lines came before it, if its number says so."""
    for number, item in enumerate(items):
        if number == 0 and (before := item.after_seq if isinstance(item, LogGap) else item.seq - 1):
            lines = "1 earlier line is" if before == 1 else f"{before:,} earlier lines are"
            lines = "Earlier lines are" if several else lines
            notes().print(f"{lines} not shown; `jobyard logs {job_id} --download FILE` writes all of an attempt.")
        yield item


def print_console(
    items: Iterable[LogLine | LogGap], *, times: bool = False, as_json: bool = False, several: bool = False
) -> None:
    """Print lines as they come. `several`: each with its rank before it."""
    for item in items:
        if as_json:
            print_json(item)
            continue
        rank = f"[{item.rank}] " if several else ""
        if isinstance(item, LogGap):
            print_line(f"{rank}[... {item.lost} lines were lost here]")
        else:
            print_line(f"{rank}{precise(item.time)}  {item.text}" if times else f"{rank}{item.text}")


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
