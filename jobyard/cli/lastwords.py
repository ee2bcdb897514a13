"""What a job that failed said last, under all else that is shown of it: of several ranks the one that failed first."""

from rich.console import Console
from rich.text import Text

from jobyard.cli.logs import form_of, print_console
from jobyard.client import Client
from jobyard.errors import Forbidden, NotFound, TooMany, Unavailable
from jobyard.models import Job, JobStatus
from jobyard.watching import in_order

LINES = 20


def print_last_words(console: Console, client: Client, job: Job) -> None:
    """Nothing of a job that has not failed, or that said nothing, or whose console this person may not read.

    The lines of other ranks may have displaced those of the one that failed: then where these are.
    """
    if job.status not in (JobStatus.FAILED, JobStatus.ERROR) or not job.attempt:
        return
    rank = rank_of(job)
    try:
        items = list(in_order(client.logs(job.id, LINES, rank)))
    except (Forbidden, NotFound):
        return
    except (Unavailable, TooMany) as error:
        console.print(Text(f"\nIts console could not be read: {error}", style="dim"))
        return
    if items:
        said = "It said last" if rank is None else f"Rank {rank} said last"
        console.print(Text(f"\n{said}:", style="dim"))
        print_console(items, form_of(several=rank is None and job.nodes > 1))
    elif rank is not None:
        said = f"Of the lines that are kept none is of rank {rank}; all that it wrote:"
        console.print(Text(f"\n{said} jobyard logs {job.id} --rank {rank} --download -", style="dim"))


def rank_of(job: Job) -> int | None:
    """The rank that is the reason for the job's end, if its reason says so."""
    rank = job.reason.details.get("rank") if job.reason is not None and job.reason.details else None
    return rank if isinstance(rank, int) and 0 <= rank < job.nodes else None
