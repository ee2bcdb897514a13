"""What is said again to an executor that may have missed it."""

from datetime import UTC, datetime, timedelta

import pytest

from services.jobs.domain.machine import decide
from services.jobs.domain.signals import Kill, Pause, Place, SetPriority, Signal
from services.jobs.domain.submission import submit
from services.jobs.reconcile import asked
from shared.contracts.commands.submission import NewJob
from shared.contracts.job import Actor, Allocation, JobRequest, Share
from shared.ids import new_id

ADA = Actor(kind="user", name="ada")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
PLACE = Place(Allocation(shares=(Share(node="a", rank=0, devices=()),)))


@pytest.mark.parametrize(
    ("signals", "fact"),
    [
        ([PLACE], "scheduled"),
        ([PLACE, SetPriority(7), SetPriority(8)], "scheduled"),
        ([PLACE, SetPriority(7), Pause()], "pausing"),
        ([PLACE, Pause(), Kill()], "killing"),
    ],
)
def test_it_is_the_last_change_that_an_executor_acts_on(signals: list[Signal], fact: str) -> None:
    job = submit(NewJob(id=new_id(), owner="ada", request=JobRequest(name="j", command="true")), NOW)
    for seconds, signal in enumerate(signals):
        job = decide(job, signal, ADA, None, NOW + timedelta(seconds=seconds))
    assert asked(job).fact == fact
