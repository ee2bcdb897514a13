"""How long a job waited for its first start is measured once, whatever becomes of it later."""

from pathlib import Path

from services.jobs.domain.signals import Place
from services.jobs.starts import Starts
from shared.contracts.events import run_envelope
from shared.contracts.instruments import SUBMIT_TO_START
from shared.contracts.job import JobStatus
from shared.meter import Meter
from tests.support.documents import ALLOCATION, NOW, after, in_status, lost, queued, started
from tests.support.jobs import applier, stored


def measured(meter: Meter) -> tuple[float | None, float | None]:
    """(jobs, seconds in all) of the virtual cluster."""
    of, name, labels = meter.registry.get_sample_value, SUBMIT_TO_START.name, {"vc": "default"}
    return of(f"{name}_count", labels), of(f"{name}_sum", labels)


def test_the_first_start_counts_from_the_submission_and_a_later_one_does_not() -> None:
    meter = Meter()
    starts = Starts(meter)
    placed = after(queued(), Place(ALLOCATION))
    starts.note(placed, 1)
    assert measured(meter) == (None, None)
    running = after(queued(), Place(ALLOCATION), started())
    starts.note(running, placed.version)
    assert measured(meter) == (1, 2.0)
    again = after(running, lost(), Place(ALLOCATION), started(2))
    starts.note(again, running.version)
    assert measured(meter) == (1, 2.0)


def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    meter = Meter()
    running = after(queued(), Place(ALLOCATION), started())
    early = running.model_copy(update={"submitted_at": NOW.replace(year=NOW.year + 1)})
    Starts(meter).note(early, 2)
    assert measured(meter) == (1, 0.0)


async def test_a_start_that_is_heard_twice_is_measured_once(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        meter = Meter()
        jobs.starts = Starts(meter)
        await stored(jobs, in_status(JobStatus.SCHEDULING))
        heard = run_envelope(started(), "/executor/node-1", clock.now(), None)
        await jobs.observe([heard])
        await jobs.observe([heard])
        assert measured(meter)[0] == 1
