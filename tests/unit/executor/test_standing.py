"""A backend without its own work is of no use: whoever waits for that work, or for its end, hears that it has ended."""

import asyncio

import pytest

from services.executor.backends.standing import Standing, WorkEnded


async def fails() -> None:
    raise KeyError("metadata")


async def ends() -> None:
    """As no such work should."""


async def goes_on() -> None:
    await asyncio.Event().wait()


async def let_go(standing: Standing) -> None:
    for task in standing.under_way():
        task.cancel()
    await asyncio.gather(*standing.under_way(), return_exceptions=True)


async def test_work_that_fails_ends_whoever_runs_the_backend_and_says_why() -> None:
    standing = Standing()
    standing.begin(goes_on())
    standing.begin(fails())
    with pytest.raises(WorkEnded, match="fails") as ended:
        await standing.stand()
    assert isinstance(ended.value.__cause__, KeyError)
    await let_go(standing)


async def test_work_that_ends_without_a_fault_has_ended_all_the_same() -> None:
    standing = Standing()
    standing.begin(ends())
    with pytest.raises(WorkEnded, match="ends"):
        await standing.stand()


async def test_nobody_waits_for_what_the_work_will_not_bring_about_any_more() -> None:
    standing, listed = Standing(), asyncio.Event()
    standing.begin(fails())
    with pytest.raises(WorkEnded):
        await standing.until(listed)
    listed.set()
    await standing.until(listed)


async def test_what_comes_about_is_waited_for_while_the_work_goes_on() -> None:
    standing, listed = Standing(), asyncio.Event()

    async def lists() -> None:
        listed.set()
        await goes_on()

    standing.begin(lists())
    await standing.until(listed)
    assert [task.done() for task in standing.under_way()] == [False]
    await let_go(standing)
