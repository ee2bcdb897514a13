"""A node that will not come back: its runs are told lost, so that their jobs are queued again, paused or killed.

Nobody but its own executor, or an operator who knows, may say so: while the node shows any sign of life this refuses,
for a run that was told lost and lives would soon run twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence, Set
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from nats.js.errors import BucketNotFoundError, KeyNotFoundError, NotFoundError
from pydantic import TypeAdapter, ValidationError

from services.admin.refused import Refused
from shared import embedded_nats
from shared.bus.bus import Bus, connect
from shared.contracts import subjects
from shared.contracts.base import NodeName
from shared.contracts.commands.checkpoints import CHECKPOINTS, GetCheckpoints
from shared.contracts.commands.jobs import ACTIVE, ListActiveJobs
from shared.contracts.errors import Refusal, Unavailable
from shared.contracts.events import NodeReported, RunLost, run_envelope
from shared.contracts.job import JobView, Reason, Share
from shared.settings import PlatformSettings

CONNECT_S = 10.0
ANSWER_S = 3.0
"""An executor that had to connect again is there by then."""
TELL_S = 60.0
APPLIED_S = 15.0
POLL_S = 0.1

ASKS = (ACTIVE, CHECKPOINTS)

Confirm = Callable[[Sequence[JobView]], bool]


async def forget(settings: PlatformSettings, node: str, confirm: Confirm) -> list[JobView]:
    """Tell that the node's runs are lost, and let NATS forget it; the jobs as they were.

    None, and nothing is done, if `confirm` says no. Raises Refused.
    """
    try:
        TypeAdapter(NodeName).validate_python(node)
    except ValidationError:
        raise Refused(f"The word {node!r} is no name of a node.") from None
    async with _connected(settings) as bus:
        try:
            await _refuse_life(bus, node, {node})
            jobs = await holding(bus, node)
            answerers = {node} | {_answerer(job) for job in jobs}
            await _refuse_life(bus, node, answerers - {node})
            if jobs and not confirm(jobs):
                return []
            await _refuse_life(bus, node, answerers)
            await _unsubscribe(bus, node)
            await _tell(bus, node, jobs)
            await _applied(bus, jobs)
        except Refusal as refusal:
            raise Refused(f"{refusal} Run this again; what was told already is not told twice.") from None
    return jobs


async def holding(bus: Bus, node: str) -> list[JobView]:
    """Every job that holds something there, by id: of one node of a cluster only those that do. Raises Unavailable."""
    answered = await _open(bus, node)
    if answered:
        return answered
    return [job for job in await _open(bus, None) if node in {share.node for share in _shares(job)}]


async def _open(bus: Bus, executor: str | None) -> list[JobView]:
    """Jobs that are not over, or those for whose runs this executor answers, by id. Raises Unavailable."""
    found: list[JobView] = []
    more = True
    while more:
        ask = ListActiveJobs(node=executor, after_id=found[-1].id if found else None, limit=500)
        page = await bus.ask(ACTIVE, ask)
        found += [item.view for item in page.items]
        more = page.more
    return found


def _shares(job: JobView) -> Sequence[Share]:
    return job.state.allocation.shares if job.state.allocation is not None else ()


def _answerer(job: JobView) -> str:
    """Of a job that holds something."""
    return _shares(job)[0].answerer


async def _refuse_life(bus: Bus, node: str, executors: Set[str]) -> None:
    """Raises Refused when the node has reported lately, or an executor that knows what runs there answers.

    The second question is for the bucket's sake, which is empty after a restart of NATS; and the executor of a cluster
    knows of each of its nodes what became of the runs there.
    """
    try:
        entry = await (await bus.js.key_value(subjects.NODES)).get(node)
    except KeyNotFoundError:
        pass
    except (BucketNotFoundError, NotFoundError):
        raise Refused("The platform does not know its nodes at the moment. Try again when it is ready.") from None
    except TimeoutError:
        raise Refused("NATS does not say which nodes report. Try again in a moment.") from None
    else:
        executor = NodeReported.model_validate_json(entry.value or b"").answerer
        said = f"The node {node} reports, or did within the last half minute: it is not gone."
        raise Refused(f"{said} {_way_out(node, executor)}")
    for executor in sorted(executors):
        if await _answers(bus, executor):
            raise Refused(f"The executor of {node} answers: it is not gone. {_way_out(node, executor)}")


def _way_out(node: str, executor: str) -> str:
    if executor == node:
        return "Stop its executor for good first, and its jobs with it."
    return (
        f"The executor {executor} answers for it, and tells by itself what becomes of the runs there: "
        "delete the node from its cluster, or give up the run of each job by: jobyard admin run force JOB."
    )


async def _answers(bus: Bus, executor: str) -> bool:
    try:
        await bus.ask(CHECKPOINTS.at(executor), GetCheckpoints(runs=()), ANSWER_S)
    except Unavailable:
        return False
    return True


async def _unsubscribe(bus: Bus, node: str) -> None:
    """Remove the node's place in the events, which would be further behind with each; an executor makes its own anew.

    What is old by then starts nothing: an executor asks about every placement that is older than itself.
    """
    try:
        await bus.js.delete_consumer(subjects.EVENTS, f"{subjects.EXECUTORS}-{node}")
    except NotFoundError:
        return
    except TimeoutError:
        raise Unavailable("NATS does not remove the node's consumer.") from None


async def _tell(bus: Bus, node: str, jobs: Sequence[JobView]) -> None:
    reason = Reason(
        code="node_forgotten", message=f"An operator said that {node} does not come back.", details={"node": node}
    )
    try:
        async with asyncio.timeout(TELL_S):
            for job in jobs:
                lost = RunLost(job_id=job.id, vc=job.vc, attempt=job.state.attempt, node=node, reason=reason)
                message = run_envelope(lost, "/admin", datetime.now(UTC), None)
                await bus.publish(subjects.run_event(lost), message)
    except TimeoutError:
        raise Unavailable("NATS does not store what it is told.") from None


async def _applied(bus: Bus, jobs: Sequence[JobView]) -> None:
    """Wait until the jobs service has taken it. Raises Unavailable if that takes too long."""
    told = {(job.id, job.state.attempt) for job in jobs}
    deadline = asyncio.get_running_loop().time() + APPLIED_S
    for executor in {_answerer(job) for job in jobs}:
        while told & {(job.id, job.state.attempt) for job in await _open(bus, executor)}:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("The jobs service was told, but has not taken all of it yet.")
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def _connected(settings: PlatformSettings) -> AsyncIterator[Bus]:
    """On JOBYARD_NATS_URL, else on the server of the platform that runs in this data folder. Raises Refused."""
    given = settings.nats_url if "nats_url" in settings.model_fields_set else None
    url = given or embedded_nats.url_in(settings.data / "nats")
    if url is None:
        raise Refused(
            f"No platform has run in {settings.data}. Name its data folder with --data, or set JOBYARD_NATS_URL."
        )
    connecting = connect(url, "admin")
    try:
        async with asyncio.timeout(CONNECT_S):
            bus = await connecting.__aenter__()
    except TimeoutError:
        raise Refused("NATS does not answer. Start the platform first, or check JOBYARD_NATS_URL.") from None
    try:
        yield bus
    finally:
        await connecting.__aexit__(None, None, None)
