"""What is open is cut on a refusal at once, and without an answer after a time; no key delays another."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from services.endpoints.domain.document import RunPlace
from services.endpoints.watch import RECHECK_S, UNCONFIRMED_S, Key, Watch
from shared.contracts.errors import (
    Conflict,
    Forbidden,
    InternalError,
    NotFound,
    TemporaryError,
    Unauthorized,
    Unavailable,
)
from tests.support.clock import ManualClock
from tests.support.waiting import until

RUN, NEXT = RunPlace(attempt=1, executor="local"), RunPlace(attempt=2, executor="local")
ADA, BOB = (Key("01JD8F2M5V7Q0R3S6T9W2X4Y8Z", "ssh", f"token:{who}") for who in ("ada", "bob"))


class Yard:
    """Doors whose questions the test answers."""

    def __init__(self, at_once: int = 64) -> None:
        self.clock = ManualClock()
        self.answers: dict[Key, RunPlace | Exception] = {}
        """Without one, the question hangs."""
        self.asked: list[Key] = []
        self.cut: list[str] = []
        self.watch = Watch(self._confirm, self.clock, at_once)
        self._open: list[ExitStack] = []

    async def _confirm(self, key: Key) -> RunPlace:
        self.asked.append(key)
        if key not in self.answers:
            await asyncio.Event().wait()
        answer = self.answers[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def open(self, key: Key, what: str, run: RunPlace = RUN) -> Callable[[], None]:
        """A connection, and how to close it."""
        closing = ExitStack()
        self._open.append(closing)
        closing.enter_context(self.watch.hold(key, run, self.clock.monotonic(), lambda _: self.cut.append(what)))
        return closing.close

    async def rounds(self, count: int) -> None:
        """So many looks, each RECHECK_S after the other; what has no answer by then hangs on."""
        before = asyncio.all_tasks()
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                self.clock.advance(RECHECK_S)
                self.watch.look(group)
                for _ in range(10):
                    await asyncio.sleep(0)
            for task in asyncio.all_tasks() - before:
                task.cancel()


@pytest.mark.parametrize(
    "refusal", [Unauthorized("no"), Forbidden("no"), NotFound("no"), Conflict("no")], ids=lambda refusal: refusal.code
)
async def test_a_refusal_cuts_at_once_and_only_what_it_is_about(refusal: Exception) -> None:
    yard = Yard()
    yard.answers = {ADA: refusal, BOB: RUN}
    for key, what in ((ADA, "shell"), (ADA, "page"), (BOB, "other")):
        yard.open(key, what)
    await yard.rounds(1)
    assert sorted(yard.cut) == ["page", "shell"]
    await yard.rounds(1)
    assert len(yard.cut) == 2


@pytest.mark.parametrize(
    "no_answer", [Unavailable("away"), TemporaryError("away"), InternalError("a fault"), None], ids=repr
)
async def test_without_an_answer_it_stays_for_a_time_and_not_for_ever(no_answer: Exception | None) -> None:
    yard = Yard()
    if no_answer is not None:
        yard.answers[ADA] = no_answer
    yard.open(ADA, "shell")
    await yard.rounds(int(UNCONFIRMED_S / RECHECK_S))
    assert yard.cut == []
    await yard.rounds(1)
    assert yard.cut == ["shell"]


async def test_an_answer_in_time_begins_the_time_anew() -> None:
    yard = Yard()
    yard.open(ADA, "shell")
    for answer in (Unavailable("away"), RUN, Unavailable("away")):
        yard.answers[ADA] = answer
        await yard.rounds(7)
    assert yard.cut == []


async def test_one_that_does_not_answer_delays_no_other() -> None:
    yard = Yard()
    for number in range(50):
        yard.open(Key(ADA.job_id, "ssh", f"token:{number}"), "hangs")
    yard.open(BOB, "shell")
    yard.answers[BOB] = Unauthorized("revoked")
    await yard.rounds(1)
    assert yard.cut == ["shell"]


async def test_so_many_are_asked_about_at_one_time_and_none_twice() -> None:
    yard = Yard(at_once=3)
    for number in range(10):
        yard.open(Key(ADA.job_id, "ssh", f"token:{number}"), "hangs")
    await yard.rounds(3)
    assert len(yard.asked) == 3
    assert len(set(yard.asked)) == 3


async def test_what_waits_for_its_turn_too_long_is_cut_like_the_rest() -> None:
    yard = Yard(at_once=1)
    yard.open(ADA, "asked about")
    yard.open(BOB, "waits")
    await yard.rounds(int(UNCONFIRMED_S / RECHECK_S) + 1)
    assert sorted(yard.cut) == ["asked about", "waits"]


async def test_another_run_cuts_what_leads_into_the_one_before() -> None:
    yard = Yard()
    yard.answers[ADA] = NEXT
    yard.open(ADA, "old", RUN)
    yard.open(ADA, "new", NEXT)
    await yard.rounds(1)
    assert yard.cut == ["old"]


async def test_what_was_closed_is_neither_asked_about_nor_cut() -> None:
    yard = Yard()
    close = yard.open(ADA, "shell")
    close()
    await yard.rounds(int(UNCONFIRMED_S / RECHECK_S) + 1)
    assert (yard.asked, yard.cut) == ([], [])


async def test_the_loop_itself_looks() -> None:
    yard = Yard()
    yard.answers[ADA] = Unauthorized("revoked")
    yard.open(ADA, "shell")
    looking = asyncio.ensure_future(yard.watch.run())
    await until(lambda: yard.cut == ["shell"], "it is cut")
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
