"""Observations of a run: they only go forward, whatever order they arrive in."""

import asyncio

import pytest

from services.executor.domain.observation import Cancelled, Ended, Live, Lost, Observation, Started, Waiting
from services.executor.domain.repairs import Local, Phase
from services.executor.run import Run
from shared.contracts.job import Reason
from tests.support.executor import ID, record_of

RUN = f"{ID}.1"
STARTED = Started(1, 2)
ENDED = Ended(1, 5, 0, None, stopped=False, forced=False, output_bytes=0)
LOST = Lost(Reason(code="supervisor_gone", message="Gone."))
OVER: list[Observation] = [ENDED, LOST, Cancelled(1)]


def test_only_what_waits_or_has_started_may_still_change() -> None:
    assert all(isinstance(seen, Live) for seen in (Waiting(), STARTED))
    assert not any(isinstance(seen, Live) for seen in OVER)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("later", [Waiting(), STARTED, *OVER])
def test_what_is_over_never_changes(over: Observation, later: Observation) -> None:
    run = Run(record_of(), {RUN: over})
    assert run.advance(RUN, later) is False
    assert run.seen == over
    assert not run.lives


def test_what_has_started_does_not_wait_again() -> None:
    run = Run(record_of())
    assert run.advance(RUN, STARTED) is True
    assert run.advance(RUN, Waiting()) is False
    assert run.advance(RUN, STARTED) is False
    assert run.seen == STARTED


async def test_who_waits_for_news_gets_it_once() -> None:
    run = Run(record_of())
    waiting = asyncio.create_task(run.moved_on())
    await asyncio.sleep(0)
    run.advance(RUN, Waiting())
    await asyncio.sleep(0)
    assert not waiting.done()
    run.advance(RUN, STARTED)
    await waiting


@pytest.mark.parametrize(
    ("seen", "phase"),
    [(Waiting(), Phase.WAITING), (STARTED, Phase.STARTED), *((seen, Phase.ENDED) for seen in OVER)],
)
def test_the_phase_follows_from_what_was_seen(seen: Observation, phase: Phase) -> None:
    assert Run(record_of(), {RUN: seen}, since=10).local(now=13) == Local(ID, 1, phase, 3)


def test_a_tombstone_lives_at_no_time() -> None:
    run = Run(record_of(kind="refused"))
    assert not run.lives
    assert run.local(0).phase is Phase.ENDED
