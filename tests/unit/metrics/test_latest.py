"""What is known of the jobs that run: by arrival, of the newest attempt, with all that it reported."""

import pytest

from services.metrics.latest import LIVE_S, Latest
from shared.contracts.metrics import REPORTED_NAMES
from tests.support.clock import ManualClock
from tests.support.metrics_service import JOB, sample_at

OTHER = "01JD0000000000000000000001"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def latest(clock: ManualClock) -> Latest:
    return Latest(clock)


def test_a_job_that_nobody_heard_of_has_none(latest: Latest) -> None:
    assert latest.of(JOB) == ()


def test_it_is_the_last_sample_of_each_rank(latest: Latest) -> None:
    for rank in (1, 0):
        for second in (5, 10):
            latest.add(sample_at(second, rank=rank, memory_bytes=second + rank))
    assert latest.of(JOB) == (sample_at(10, memory_bytes=10), sample_at(10, rank=1, memory_bytes=11))


def test_a_later_attempt_takes_the_place_of_all_ranks_before(latest: Latest) -> None:
    latest.add(sample_at(5, rank=0, reported={"loss": 1.0}))
    latest.add(sample_at(5, rank=1))
    latest.add(sample_at(10, rank=0, attempt=2))
    assert latest.of(JOB) == (sample_at(10, attempt=2),)


def test_a_late_sample_of_an_attempt_before_changes_nothing(latest: Latest) -> None:
    latest.add(sample_at(10, attempt=2))
    latest.add(sample_at(11, attempt=1))
    latest.add(sample_at(11, attempt=1, rank=1))
    assert latest.of(JOB) == (sample_at(10, attempt=2),)


def test_the_last_value_of_each_name_stays_while_the_attempt_runs(latest: Latest) -> None:
    for second, reported in ((5, {"loss": 2.0, "step": 1.0}), (10, {}), (15, {"loss": 1.0})):
        latest.add(sample_at(second, reported=reported))
    (found,) = latest.of(JOB)
    assert found.reported == {"loss": 1.0, "step": 1.0}


def test_a_value_that_diverged_is_named_until_it_is_a_number_again(latest: Latest) -> None:
    latest.add(sample_at(5, reported={"loss": 2.0, "step": 1.0}))
    latest.add(sample_at(10, not_finite=("loss",)))
    latest.add(sample_at(15, reported={"step": 2.0}))
    (found,) = latest.of(JOB)
    assert (found.reported, found.not_finite) == ({"step": 2.0}, ("loss",))
    latest.add(sample_at(20, reported={"loss": 1.0}))
    (found,) = latest.of(JOB)
    assert (found.reported, found.not_finite) == ({"loss": 1.0, "step": 2.0}, ())


def test_more_names_than_are_kept_change_only_those_that_are_known(latest: Latest) -> None:
    known = {f"name{number}": 1.0 for number in range(REPORTED_NAMES)}
    latest.add(sample_at(5, reported=known))
    latest.add(sample_at(10, reported={"name7": 2.0, "new": 3.0}))
    (found,) = latest.of(JOB)
    assert found.reported == known | {"name7": 2.0}


def test_a_job_that_says_nothing_any_more_does_not_run(latest: Latest, clock: ManualClock) -> None:
    latest.add(sample_at(5))
    clock.advance(LIVE_S)
    assert latest.of(JOB)
    clock.advance(1)
    assert latest.of(JOB) == ()


def test_only_what_runs_takes_memory(latest: Latest, clock: ManualClock) -> None:
    for number in range(100):
        latest.add(sample_at(5, job_id=f"01JD00000000000000000000{number:02d}"))
    assert len(latest) == 100
    clock.advance(LIVE_S / 2)
    latest.add(sample_at(35, job_id=OTHER))
    clock.advance(LIVE_S / 2 + 1)
    latest.add(sample_at(66, job_id=JOB))
    assert len(latest) == 2
    assert latest.of(OTHER) == (sample_at(35, job_id=OTHER),)


def test_the_machines_clock_may_be_set_back(latest: Latest, clock: ManualClock) -> None:
    latest.add(sample_at(3600, memory_bytes=1))
    latest.add(sample_at(5, memory_bytes=2))
    assert latest.of(JOB) == (sample_at(5, memory_bytes=2),)


def test_of_more_jobs_than_there_is_room_for_those_heard_of_longest_ago_go(clock: ManualClock) -> None:
    latest, ids = Latest(clock, limit=3), [f"01JD00000000000000000000{number:02d}" for number in range(4)]
    for id in (*ids[:3], ids[0], ids[3]):
        latest.add(sample_at(5, job_id=id))
    assert [bool(latest.of(id)) for id in ids] == [True, False, True, True]


def test_the_ranks_of_all_jobs_share_the_room_and_the_job_heard_of_last_stays(clock: ManualClock) -> None:
    latest = Latest(clock, limit=3)
    latest.add(sample_at(5, job_id=OTHER))
    for rank in range(3):
        latest.add(sample_at(5, rank=rank))
    assert (len(latest), latest.of(OTHER)) == (1, ())
    latest.add(sample_at(5, rank=3))
    assert len(latest.of(JOB)) == 4
    latest.add(sample_at(10, attempt=2))
    for number in (8, 9):
        latest.add(sample_at(10, job_id=f"01JD00000000000000000000{number:02d}"))
    assert len(latest) == 3


def test_devices_take_no_memory(latest: Latest) -> None:
    latest.add(sample_at(5, memory_bytes=1, accelerators=({"kind": "gpu", "device": 0, "memory_bytes": 5},)))
    assert latest.of(JOB) == (sample_at(5, memory_bytes=1),)
