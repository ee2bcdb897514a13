"""Many jobs that differ in all that lists ask for, and what a list of them has to be: worked out the slow way."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from services.jobs.domain.document import JobDocument
from shared.contracts.base import rfc3339
from shared.contracts.commands.lists import ListJobs
from shared.contracts.job import TERMINAL, JobStatus
from shared.ids import new_id
from tests.support.documents import NOW, in_status

OWNERS, VCS, NAMES = ("ada", "bob", "eve"), ("default", "lab"), ("train", "train-2", "eval", "Eval", "t.r_a-in")


def some_job(chance: Random, **fixed: Any) -> JobDocument:
    """A job with a new id and whatever chance gives it; `fixed`: fields of the document that are given."""
    device_type, devices = chance.choice((("cpu", 0), ("v100", 1), ("a100", 10)))
    job = in_status(
        chance.choice(list(JobStatus)),
        name=chance.choice(NAMES),
        vc=chance.choice(VCS),
        priority=chance.choice((1, 50, 50, 1000)),
        preemptible=chance.random() < 0.5,
        labels={"team": chance.choice("ab"), **({"x/y": "1"} if chance.random() < 0.3 else {})},
        device_type=device_type,
        devices=devices,
    )
    moments = {
        name: None if moment is None else moment + timedelta(seconds=chance.randrange(5))
        for name, moment in (("started_at", job.state.started_at), ("finished_at", job.state.finished_at))
    }
    fields: dict[str, Any] = {
        "id": new_id(),
        "owner": chance.choice(OWNERS),
        "submitted_at": NOW + timedelta(milliseconds=chance.randrange(40)),
        "state": job.state.model_copy(update=moments),
    }
    return job.model_copy(update=fields | fixed)


def expected(jobs: Iterable[JobDocument], ask: ListJobs) -> list[str]:
    """The ids of the whole list."""
    chosen = [job for job in jobs if _is_in(job, ask)]
    column, down = ask.sort.removeprefix("-"), ask.sort.startswith("-")
    chosen.sort(key=lambda job: _rank(job, column, ask.owner is None), reverse=down)
    return [job.id for job in chosen]


def _is_in(job: JobDocument, ask: ListJobs) -> bool:
    request, status, ended = job.request, job.state.status, job.state.finished_at
    return all(
        (
            job.owner == ask.owner if ask.owner else status not in TERMINAL,
            ask.vcs is None or request.vc in ask.vcs,
            not ask.statuses or status in ask.statuses,
            ask.device_type is None or request.device_type == ask.device_type,
            ask.preemptible is None or request.preemptible == ask.preemptible,
            all(request.labels.get(key) == value for key, value in ask.labels.items()),
            ask.submitted_after is None or job.submitted_at >= ask.submitted_after,
            ask.submitted_before is None or job.submitted_at < ask.submitted_before,
            ask.finished_after is None or (ended is not None and ended >= ask.finished_after),
            ask.finished_before is None or (ended is not None and ended < ask.finished_before),
            ask.q is None or request.name.startswith(ask.q),
        )
    )


def _rank(job: JobDocument, column: str, everybodys: bool) -> tuple[Any, ...]:
    """The documented order upwards: what is missing first; equal statuses and priorities by the later submission,
    everybody's equal statuses in the order of the queue.
    """
    later = -round(job.submitted_at.timestamp() * 1000)
    upside_down = tuple(-ord(letter) for letter in job.id)
    match column:
        case "status" if everybodys:
            return (job.state.status.value, -job.state.priority, -later, job.id)
        case "status":
            return (job.state.status.value, later, upside_down)
        case "priority":
            return (job.state.priority, later, upside_down)
        case "name":
            return (job.request.name, job.id)
        case "devices":
            return (job.request.devices * job.request.nodes, job.id)
        case "preemptible":
            return (job.request.preemptible, job.request.devices * job.request.nodes, job.id)
        case "submitted":
            return (-later, job.id)
        case "started":
            return (_moment(job.state.started_at), job.id)
        case "finished":
            return (_moment(job.state.finished_at), job.id)
        case "user":
            return (job.owner, job.id)
        case _:
            return (job.id,)


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else rfc3339(moment)


def some_list(chance: Random) -> ListJobs:
    """A list with some conditions, in some order, of one owner or of everybody."""

    def maybe(value: Any, otherwise: Any = None, share: float = 0.25) -> Any:
        return value if chance.random() < share else otherwise

    owner = maybe(chance.choice(OWNERS), share=0.5)
    statuses = [status for status in JobStatus if owner or status not in TERMINAL]
    columns = ("id", "name", "status", "devices", "preemptible", "priority", "submitted", "started", "finished", "user")
    return ListJobs(
        owner=owner,
        vcs=maybe(chance.choice((VCS, VCS[:1], ("none",), (), (*VCS, *(f"none-{number}" for number in range(30)))))),
        statuses=maybe(tuple(chance.sample(statuses, 3)), ()),
        device_type=maybe(chance.choice(("cpu", "v100"))),
        preemptible=maybe(chance.random() < 0.5),
        labels=maybe(chance.choice(({"team": "a"}, {"team": "b", "x/y": "1"})), {}),
        submitted_after=maybe(NOW + timedelta(milliseconds=10)),
        submitted_before=maybe(NOW + timedelta(milliseconds=30)),
        finished_after=maybe(NOW + timedelta(seconds=3)) if owner else None,
        finished_before=maybe(NOW + timedelta(seconds=6)) if owner else None,
        q=maybe(chance.choice(("train", "t", "E", "nobody"))),
        sort=chance.choice(("", "-")) + chance.choice(columns),
        limit=chance.choice((1, 3, 7, 50)),
    )
