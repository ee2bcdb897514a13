"""What the executor answers and hears; the map at the end is the whole of it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from services.executor.checkpoints import Looks
from services.executor.domain.record import rank_id, run_id
from services.executor.doorway import Doorway
from services.executor.download import Downloads
from services.executor.executor import Executor
from services.executor.outputs import Outputs
from services.executor.placed import Assignment, Placed, shares_of
from services.executor.storages import AT_ONCE
from shared import tracing
from shared.bus import codec
from shared.bus.bus import Bus
from shared.bus.subscriptions import Answers, Delivery, PerNode
from shared.clock import Clock
from shared.contracts import events, subjects
from shared.contracts.commands.checkpoints import CHECKPOINTS, Checkpoints, GetCheckpoints, LastCheckpoint
from shared.contracts.commands.forcing import FORCE, ForcedRun, ForceRun
from shared.contracts.commands.jobs import ACTIVE, VIEWS
from shared.contracts.commands.logs import READ_LOG, LogPiece, ReadLog
from shared.contracts.commands.pulls import PULLS, GetPulls, PullOf, Pulls
from shared.contracts.commands.secrets import REVEAL, REVEAL_LOGIN
from shared.contracts.commands.streams import OPEN_STREAM
from shared.contracts.errors import NotFound
from shared.contracts.events import CloudEvent, JobEvent, JobKilling, JobPausing, JobScheduled
from shared.contracts.job import JobStatus, Share
from shared.contracts.streams import OpenStream, StreamTicket
from shared.views import views_of

STALE = timedelta(minutes=5)
"""An older placement may have been carried out and forgotten: the jobs service is asked whether it still holds.

So it is about those that are older than this process, which does not know what its node did before: a node that was set
up anew, or forgotten, hears of the past once more.
"""

LOOK_S = 0.3
"""How long an answer waits for looks into jobs' folders; the jobs service waits half a second for it."""

HEARD: tuple[type[JobEvent], ...] = (
    JobScheduled,
    JobPausing,
    JobKilling,
    events.JobReturned,
    events.JobPaused,
    events.JobPreempted,
    events.JobRetried,
    events.JobFinished,
    events.JobFailed,
    events.JobErrored,
    events.JobKilled,
)


class Handlers:
    """One method per subscription."""

    def __init__(
        self,
        executor: Executor,
        outputs: Outputs,
        downloads: Downloads,
        looks: Looks,
        doorway: Doorway,
        bus: Bus,
        clock: Clock,
        node: str,
    ) -> None:
        self._executor = executor
        self._outputs = outputs
        self._downloads = downloads
        self._looks = looks
        self._doorway = doorway
        self._bus = bus
        self._clock = clock
        self._node = node
        self._began = clock.now()

    async def job_events(self, deliveries: Sequence[Delivery[CloudEvent[JobEvent]]]) -> None:
        """In order, neighbours of a kind together."""
        heard = (delivery.message for delivery in deliveries if isinstance(delivery.message.data, HEARD))
        for kind, group in groupby(heard, key=_kind):
            messages = list(group)
            if kind is JobScheduled:
                await self._scheduled(messages)
            elif kind is JobEvent:
                views = [message.data.job for message in messages]
                await self._executor.over([(view.id, view.state.attempt) for view in views])
            else:
                await self._leaving(messages)

    async def read_log(self, ask: ReadLog) -> LogPiece:
        """A piece of the whole output of one rank, as it is by now."""
        id = run_id(ask.job_id, ask.attempt)
        run = self._executor.runs.get(id)
        rank = rank_id(id, ask.rank)
        path = await asyncio.to_thread(self._outputs.path, rank)
        if path is not None:
            over = run is None or rank not in run.living
            piece = await asyncio.to_thread(self._downloads.piece, path, ask.offset, over)
            moved = piece.end and not await asyncio.to_thread(path.exists)  # put away while it was read
            return await self.read_log(ask) if moved else piece
        if run is None and not self._executor.knows(id):
            raise NotFound("The whole output of this attempt is not kept any more.")
        return LogPiece(text="", next_offset=ask.offset, end=True)

    async def checkpoints(self, ask: GetCheckpoints) -> Checkpoints:
        """When these runs wrote their last checkpoints, as far as they are known here."""
        ids = [run_id(asked.job_id, asked.attempt) for asked in ask.runs]
        records = [self._executor.runs[id].record for id in ids if id in self._executor.runs]
        written = await self._looks.by_now(records, LOOK_S)
        items = [
            LastCheckpoint(job_id=asked.job_id, attempt=asked.attempt, written_at=written[id])
            for id, asked in zip(ids, ask.runs, strict=True)
            if id in written
        ]
        return Checkpoints(items=tuple(items))

    async def pulls(self, ask: GetPulls) -> Pulls:
        """What these runs wait for, images above all; of several ranks, the one that has come least far."""
        waiting = {run_id(asked.job_id, asked.attempt): asked for asked in ask.runs}
        found = await self._executor.pulls(list(waiting))
        return Pulls(items=tuple(PullOf(**vars(waiting[id]), reason=reason) for id, reason in found.items()))

    async def force(self, ask: ForceRun) -> ForcedRun:
        """A run is given up on an operator's word."""
        return ForcedRun(nodes=await self._executor.force(run_id(ask.job_id, ask.attempt), ask.actor.name))

    async def open_stream(self, ask: OpenStream) -> StreamTicket:
        """A ticket for a stream into a run."""
        return self._doorway.admit(ask)

    async def _scheduled(self, messages: list[CloudEvent[JobEvent]]) -> None:
        """Start the runs that are this node's; a new attempt means that the one before is over."""
        mine = []
        for message in messages:
            data = message.data
            shares = shares_of(data.job, self._node)
            if isinstance(data, JobScheduled) and shares:
                mine.append((message, _assignment(message, data, shares)))
        await self._executor.over([(message.data.job.id, message.data.job.state.attempt - 1) for message in messages])
        recent = max(self._began, self._clock.now() - STALE)
        old = {item.view.id for message, item in mine if message.time < recent}
        holding = await self._still_scheduling(sorted(old)) if old else set()
        await self._executor.launch(item for _, item in mine if item.view.id not in old or item.run_id in holding)

    async def _leaving(self, messages: list[CloudEvent[JobEvent]]) -> None:
        for message in messages:
            view = message.data.job
            if shares := shares_of(view, self._node):
                await self._executor.stop(Placed(view=view, shares=shares, correlation_id=message.correlationid))

    async def _still_scheduling(self, job_ids: list[str]) -> set[str]:
        """The runs of these jobs that are to be started. Raises Unavailable."""
        views = await views_of(self._bus, job_ids)
        return {run_id(view.id, view.state.attempt) for view in views if view.state.status is JobStatus.SCHEDULING}


def _assignment(message: CloudEvent[JobEvent], scheduled: JobScheduled, shares: tuple[Share, ...]) -> Assignment:
    trace = tracing.NOTHING
    if message.traceparent is not None:
        trace = tracing.begin("executor", "run started", message.traceparent, "consumer", job_id=message.subject)
    return Assignment(
        view=scheduled.job,
        shares=shares,
        correlation_id=message.correlationid,
        launch=scheduled.launch,
        trace=trace,
    )


def _kind(message: CloudEvent[JobEvent]) -> type[JobEvent]:
    if isinstance(message.data, JobScheduled):
        return JobScheduled
    return JobPausing if isinstance(message.data, JobPausing | JobKilling) else JobEvent


SUBSCRIPTIONS = (
    PerNode(
        subjects.EXECUTORS,
        subjects.EVENTS,
        (subjects.JOB_EVENTS,),
        codec.job_event,
        Handlers.job_events,
    ),
    Answers(READ_LOG, Handlers.read_log, at_node=True),
    Answers(CHECKPOINTS, Handlers.checkpoints, at_node=True, at_once=AT_ONCE),
    Answers(PULLS, Handlers.pulls, at_node=True),
    Answers(FORCE, Handlers.force, at_node=True),
    Answers(OPEN_STREAM, Handlers.open_stream, at_node=True),
)

ASKS = (ACTIVE, VIEWS, REVEAL, REVEAL_LOGIN)
