"""What the commands share: the client, the platform's address, exit codes, jobs by id or by name."""

import re
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Annotated

import typer

from jobyard.cli.terminal import inert, notes
from jobyard.cli.times import local
from jobyard.client import Client
from jobyard.errors import (
    Conflict,
    Forbidden,
    Invalid,
    JobyardError,
    NotFound,
    NotJobyard,
    TooMany,
    Unauthorized,
    Unavailable,
    WaitTimeout,
)
from jobyard.models import Job
from jobyard.watching import TERMINAL

OK, NOT_WELL, USAGE, NOT_FOUND, REFUSED, NOT_SIGNED_IN, UNREACHABLE = range(7)
INTERRUPTED = 130

EXIT_CODES = """Exit codes: 0 it worked; 1 the job did not finish well, or not in time; 2 wrong usage; 3 no such job;
4 refused (it makes no sense now, or a field is wrong); 5 not signed in, or not allowed; 6 the platform cannot be
reached; 130 interrupted."""

JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
JOB_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
RETRY_FOR_S = 10.0
CANDIDATES = 5
"""A refusal names at most so many jobs."""
CONNECT_FOR_S = 0.5
"""A person wants to know soon that nobody is there."""

JobArgument = Annotated[
    str,
    typer.Argument(
        metavar="JOB", help="Its id, or the name of a job of mine: the one that is not over, else the newest."
    ),
]
JobArguments = Annotated[
    list[str],
    typer.Argument(metavar="JOB...", help="Ids, or names of my jobs: of the one that is not over, else the newest."),
]
SomeJobs = Annotated[
    list[str] | None,
    typer.Argument(metavar="JOB", help="Ids, or names of my jobs: of the one that is not over, else the newest."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


class Ambiguous(JobyardError):
    """Several of my jobs have this name."""


def exit_code_of(error: JobyardError) -> int:
    """The command's exit code for an error."""
    codes: tuple[tuple[type[JobyardError], int], ...] = (
        (WaitTimeout, NOT_WELL),
        (Ambiguous, USAGE),
        (NotFound, NOT_FOUND),
        (Unauthorized, NOT_SIGNED_IN),
        (Forbidden, NOT_SIGNED_IN),
        (Conflict, REFUSED),
        (Invalid, REFUSED),
        (TooMany, REFUSED),
        (Unavailable, UNREACHABLE),
        (NotJobyard, UNREACHABLE),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), NOT_WELL)


@dataclass
class Session:
    """One run of the command; the client is opened when it is first needed."""

    url: str | None = None
    _client: Client | None = field(default=None, repr=False)

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = Client(self.url, retry_for=RETRY_FOR_S, connect_for=CONNECT_FOR_S, remember=True)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    def job_id(self, text: str) -> str:
        """The id that was meant; of several jobs of a name the only one that is not over, else the newest, which is
        said on stderr. Raises NotFound, and Ambiguous when the name does not say which.
        """
        if JOB_ID.fullmatch(text.upper()):
            return text.upper()
        named = self.client.jobs(q=text, sort="name", page_size=500) if JOB_NAME.fullmatch(text) else ()
        matches = list(takewhile(lambda job: job.name == text, named))
        if not matches:
            raise NotFound(f"None of my jobs is called '{text}'; `jobyard list` shows them.")
        still_open = [job for job in matches if job.status not in TERMINAL]
        if len(still_open) > 1:
            raise Ambiguous(_several(text, still_open, len(matches)))
        meant = still_open[0] if still_open else max(matches, key=lambda job: (job.submitted_at, job.id))
        if not still_open and len(matches) > 1:
            newest = f"{meant.id} ({meant.status}, submitted {local(meant.submitted_at)})"
            notes().print(f"{len(matches)} of my jobs are called '{inert(text)}', all of them over; taking {newest}.")
        return meant.id


def _several(name: str, candidates: list[Job], count: int) -> str:
    """Which of the jobs that are not over a name may mean, the newest first."""
    newest = sorted(candidates, key=lambda job: job.submitted_at, reverse=True)
    shown = [f"{job.id} ({job.status}, submitted {local(job.submitted_at)})" for job in newest[:CANDIDATES]]
    which = f", {len(candidates)} of them not over" if len(candidates) < count else ""
    more = f" and {len(candidates) - CANDIDATES} more" if len(candidates) > CANDIDATES else ""
    return f"{count} of my jobs are called '{name}'{which}; give the id of one: {', '.join(shown)}{more}."


def session(context: typer.Context) -> Session:
    """The session that the main command made."""
    found = context.find_object(Session)
    assert found is not None, "the main command makes it before any other runs"
    return found
