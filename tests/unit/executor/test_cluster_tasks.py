"""What is asked for again and again while a cluster is slow does not pile up."""

import asyncio

from services.executor.backends.kubernetes.tasks import Tasks


async def test_work_of_a_name_is_under_way_once_and_can_be_begun_anew_when_it_is_done() -> None:
    tasks, begun, go = Tasks(), [0], asyncio.Event()

    async def work() -> None:
        begun[0] += 1
        await go.wait()

    for _ in range(100):
        tasks.once("end a", work)
        tasks.once("end b", work)
    await asyncio.sleep(0)
    assert (begun[0], len(list(tasks.under_way()))) == (2, 2)
    go.set()
    await tasks.settle(("end a", "end b", "nobody's"), 60)
    tasks.once("end a", work)
    await tasks.settle(("end a",), 60)
    assert (begun[0], list(tasks.under_way())) == (3, [])


async def test_nobody_waits_longer_than_he_wants_to() -> None:
    tasks, go = Tasks(), asyncio.Event()

    async def work() -> None:
        await go.wait()

    tasks.once("end a", work)
    await tasks.settle(("end a",), 0.001)
    assert len(list(tasks.under_way())) == 1
    go.set()


async def test_work_that_fails_is_not_in_the_way_of_the_next() -> None:
    tasks, begun = Tasks(), [0]

    async def work() -> None:
        begun[0] += 1
        raise OSError("the disk is full")

    for _ in range(2):
        tasks.once("end a", work)
        await tasks.settle(("end a",), 60)
        await asyncio.sleep(0)
    assert begun[0] == 2
