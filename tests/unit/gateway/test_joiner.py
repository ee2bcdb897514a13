"""The joiner: waiting submissions travel together, lost answers are repeated with the same ids, nothing is lost."""

import asyncio
from typing import Any

from services.gateway.domain.batches import COMMAND_BYTES
from services.gateway.joiner import IN_FLIGHT, JOINED, Joiner
from shared.contracts.commands.jobs import GetJob
from shared.contracts.commands.submission import NewJob, SubmitJobs, SubmitOutcomes, Submitted
from shared.contracts.errors import Conflict, InternalError, Unavailable
from shared.contracts.job import JobRequest
from shared.ids import new_id
from tests.support.gateway import DoubleBus, stored_job


class HeldBus(DoubleBus):
    """Keeps every command until the test lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[SubmitJobs, asyncio.Future[None]]] = []

    async def ask(self, command: Any, ask: Any, timeout: float = 5.0) -> Any:
        gate = asyncio.get_running_loop().create_future()
        self.held.append((ask, gate))
        await gate
        return await super().ask(command, ask, timeout)


def new_job() -> NewJob:
    return NewJob(id=new_id(), owner="ada", request=JobRequest(name="j", command="true"))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_that_finds_nothing_in_flight_leaves_at_once_and_the_rest_join() -> None:
    bus = HeldBus()
    joiner = Joiner(bus, 5.0, 20.0)
    jobs = [new_job() for _ in range(IN_FLIGHT + 100)]
    waiting = []
    for job in jobs:
        waiting.append(asyncio.create_task(joiner.submit(job, 500)))
        await settled()
    assert [len(ask.jobs) for ask, _ in bus.held] == [1] * IN_FLIGHT
    bus.held[0][1].set_result(None)
    await settled()
    assert [len(ask.jobs) for ask, _ in bus.held] == [1] * IN_FLIGHT + [JOINED]
    while not all(task.done() for task in waiting):
        for _, gate in bus.held:
            if not gate.done():
                gate.set_result(None)
        await settled()
    outcomes = [task.result() for task in waiting]
    assert [outcome.id for outcome in outcomes] == [job.id for job in jobs]
    assert [job.id for ask, _ in bus.held for job in ask.jobs] == [job.id for job in jobs]


async def test_a_command_stays_under_its_size() -> None:
    bus = HeldBus()
    joiner = Joiner(bus, 5.0, 20.0)
    size = COMMAND_BYTES // 3
    waiting = [asyncio.create_task(joiner.submit(new_job(), size)) for _ in range(IN_FLIGHT + 7)]
    while not all(task.done() for task in waiting):
        await settled()
        for _, gate in bus.held:
            if not gate.done():
                gate.set_result(None)
    assert max(len(ask.jobs) for ask, _ in bus.held) == 3


async def test_a_job_that_found_no_room_in_the_answer_is_asked_for() -> None:
    bus, jobs = HeldBus(), [new_job() for _ in range(IN_FLIGHT + 3)]

    def without_the_last(ask: SubmitJobs) -> SubmitOutcomes:
        whole = bus._submit(ask).outcomes
        return SubmitOutcomes(outcomes=(*whole[:-1], whole[-1].model_copy(update={"job": None})))

    bus.answers["cmd.jobs.submit.v1"] = without_the_last
    joiner = Joiner(bus, 5.0, 20.0)
    waiting = [asyncio.create_task(joiner.submit(job, 500)) for job in jobs]
    while not all(task.done() for task in waiting):
        await settled()
        for _, gate in bus.held:
            if not gate.done():
                gate.set_result(None)
    shown = [task.result().job for task in waiting]
    assert [job.id for job in shown if job is not None] == [job.id for job in jobs]
    assert [type(ask) for ask in bus.asked].count(GetJob) == [type(ask) for ask in bus.asked].count(SubmitJobs) > 0


async def test_a_lost_answer_is_repeated_with_the_same_ids() -> None:
    bus, job, tries = DoubleBus(), new_job(), 0

    def answer(ask: SubmitJobs) -> SubmitOutcomes:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable("The jobs service did not answer in time. Try again.")
        return SubmitOutcomes(outcomes=(Submitted(id=ask.jobs[0].id, replayed=True, job=stored_job(ask.jobs[0])),))

    bus.answers["cmd.jobs.submit.v1"] = answer
    outcome = await Joiner(bus, 5.0, 20.0).submit(job, 500)
    assert outcome.id == job.id
    assert [ask.jobs[0].id for ask in bus.asked] == [job.id] * 3


async def test_after_the_deadline_everybody_who_waited_hears_of_it() -> None:
    bus = DoubleBus()
    bus.answers["cmd.jobs.submit.v1"] = lambda ask: (_ for _ in ()).throw(Unavailable("It does not answer."))
    joiner = Joiner(bus, 0.01, 0.2)
    results = await asyncio.gather(*(joiner.submit(new_job(), 500) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    del bus.answers["cmd.jobs.submit.v1"]
    assert (await joiner.submit(new_job(), 500)).id


async def test_a_refusal_of_the_whole_command_reaches_everybody() -> None:
    bus = DoubleBus()
    bus.answers["cmd.jobs.submit.v1"] = lambda ask: (_ for _ in ()).throw(InternalError("A fault."))
    results = await asyncio.gather(
        *(Joiner(bus, 1.0, 1.0).submit(new_job(), 500) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, InternalError) for result in results)


async def test_one_that_does_not_wait_any_more_does_not_hinder_the_others() -> None:
    bus = HeldBus()
    joiner = Joiner(bus, 5.0, 20.0)
    first, second = (asyncio.create_task(joiner.submit(new_job(), 500)) for _ in range(2))
    await settled()
    first.cancel()
    await settled()
    for _, gate in bus.held:
        gate.set_result(None)
    assert (await second).id


async def test_a_batch_is_divided_and_put_together_again_in_order() -> None:
    bus = DoubleBus()
    jobs = [new_job() for _ in range(700)]
    bus.keys["taken"] = (jobs[0].id, "other")
    jobs[300] = jobs[300].model_copy(update={"idempotency_key": "taken"})
    outcomes = await Joiner(bus, 5.0, 20.0).submit_all(jobs, [1000] * 700)
    assert len(bus.asked) > 1
    assert not any(ask.with_jobs for ask in bus.asked)
    expected = [None if number == 300 else job.id for number, job in enumerate(jobs)]
    assert [outcome.id for outcome in outcomes] == expected
    assert outcomes[300].refusal is not None
    assert outcomes[300].refusal.code == Conflict.code
