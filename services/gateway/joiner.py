"""Submissions on their way to the jobs service: those that wait while one is in flight travel together in the next.

Never by a timer: a submission that finds no command in flight leaves at once. A command whose answer was lost is
repeated with the same ids, which the jobs service knows again; so nothing that was answered with 2xx is ever lost.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.asking import GET, SUBMIT, VALIDATE, Stored
from services.gateway.domain.batches import divided, fitting
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import GetJob
from shared.contracts.commands.submission import NewJob, SubmitJobs
from shared.contracts.errors import InternalError, Unavailable

JOINED = 64
"""The most single submissions in one command: their whole jobs come back with it, as far as there is room."""
BATCHED = 500
"""The most submissions of a batch in one command: only their ids come back."""
IN_FLIGHT = 2
"""Commands of single submissions at one time: the next one is on its way while the jobs service commits the last."""
REPEAT_WAIT_S = (0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class _Waiting:
    job: NewJob
    size: int
    outcome: asyncio.Future[Stored]


class Joiner:
    """Sends submissions, singly or in batches. Its methods raise the jobs service's Refusal, or Unavailable."""

    def __init__(self, bus: Bus, timeout_s: float, deadline_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._waiting: deque[_Waiting] = deque()
        self._senders: set[asyncio.Task[None]] = set()

    async def submit(self, job: NewJob, size: int) -> Stored:
        """One submission, stored, with its whole job; or its refusal. `size`: of its JSON, in bytes."""
        waiting = _Waiting(job, size, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if len(self._senders) < IN_FLIGHT:
            sender = asyncio.create_task(self._send_waiting())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        stored = await waiting.outcome
        if stored.job is None and stored.id is not None:  # the reply had no room for it beside the others
            stored = stored.model_copy(update={"job": await self._bus.ask(GET, GetJob(id=stored.id), self._timeout_s)})
        return stored

    async def validate(self, job: NewJob) -> Stored:
        """What would become of a submission, with its whole job; nothing is stored."""
        return await self._bus.ask(VALIDATE, job, self._timeout_s)

    async def submit_all(self, jobs: Sequence[NewJob], sizes: Sequence[int]) -> list[Stored]:
        """Many submissions; each outcome, in order, with its id or its refusal."""
        pieces = [jobs[piece] for piece in divided(sizes, BATCHED)]
        outcomes = await asyncio.gather(*(self._ask(piece, with_jobs=False) for piece in pieces))
        return [outcome for piece in outcomes for outcome in piece]

    async def _send_waiting(self) -> None:
        while self._waiting:
            count = fitting([waiting.size for waiting in self._waiting], JOINED)
            joined = [self._waiting.popleft() for _ in range(count)]
            asking = self._ask([waiting.job for waiting in joined], with_jobs=True)
            (answer,) = await asyncio.gather(asking, return_exceptions=True)
            for number, waiting in enumerate(joined):
                _settle(waiting.outcome, answer if isinstance(answer, BaseException) else answer[number])

    async def _ask(self, jobs: Sequence[NewJob], *, with_jobs: bool) -> Sequence[Stored]:
        command = SubmitJobs(jobs=tuple(jobs), with_jobs=with_jobs)
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._deadline_s
        tries = 0
        while True:
            try:
                answer = await self._bus.ask(SUBMIT, command, timeout=min(self._timeout_s, deadline - clock()))
            except Unavailable:
                wait_s = REPEAT_WAIT_S[min(tries, len(REPEAT_WAIT_S) - 1)]
                if clock() + wait_s >= deadline:
                    raise
                await asyncio.sleep(wait_s)
                tries += 1
                continue
            if len(answer.outcomes) != len(jobs):
                raise InternalError("The jobs service answered for another number of jobs. Submit again.")
            return answer.outcomes


def _settle(future: asyncio.Future[Stored], outcome: Stored | BaseException) -> None:
    if future.done():  # whoever waited has gone
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
