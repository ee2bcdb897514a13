"""No change of a run goes unseen, whenever in a look it comes, and however that look ends, until they are closed."""

import asyncio
from collections.abc import Awaitable, Callable

from services.executor.backends.kubernetes.looks import Looks
from services.executor.backends.kubernetes.refusals import ClusterAway
from tests.support.waiting import until

Act = Callable[[Looks], Awaitable[None]]


async def looks_for(*acts: Act) -> int:
    """How often a run is looked at that is asked for once, and by what its looks do, in order."""
    left, begun = list(acts), 0

    async def look(run_id: str) -> None:
        nonlocal begun
        begun += 1
        if left:
            await left.pop(0)(looks)

    looks = Looks(look)
    looks.at("a")
    await until(lambda: not left and not list(looks.under_way()), "nobody looks any more")
    return begun


async def asks_within(looks: Looks) -> None:
    looks.at("a")


async def asks_at_the_end(looks: Looks) -> None:
    """When the look is over, and before anybody has been told so."""
    asyncio.get_running_loop().call_soon(looks.at, "a")


async def asks_and_fails(looks: Looks) -> None:
    looks.at("a")
    raise OSError("The disk is full.")


async def asks_of_a_cluster_that_is_away(looks: Looks) -> None:
    looks.at("a")
    raise ClusterAway("no answer")


async def fails(looks: Looks) -> None:
    raise OSError("The disk is full.")


async def test_whoever_asks_at_whatever_moment_is_heard() -> None:
    for act in (asks_within, asks_at_the_end, asks_and_fails, asks_of_a_cluster_that_is_away):
        assert await looks_for(act) == 2, act.__name__
    assert await looks_for(asks_at_the_end, asks_at_the_end) == 3


async def test_a_look_that_fails_is_not_repeated_unasked() -> None:
    assert await looks_for(fails) == 1


async def test_a_look_for_later_is_one_however_often_it_is_asked_for_meanwhile() -> None:
    begun: list[str] = []
    looks = noting(begun)
    for after_s in (0.01, 0.02, 0.03):
        looks.later("a", after_s)
    looks.later("last", 0.04)
    await until(lambda: "last" in begun, "the last one is looked at")
    assert begun == ["a", "last"]
    looks.later("a", 0)
    await until(lambda: begun == ["a", "last", "a"], "it is looked at later once more")


async def test_nobody_looks_any_more_once_they_are_closed() -> None:
    begun: list[str] = []
    ended = asyncio.Event()

    async def look(run_id: str) -> None:
        begun.append(run_id)
        try:
            await asyncio.Event().wait()
        finally:
            looks.at("asked while they close")
            ended.set()

    looks, others = Looks(look), noting(begun)
    looks.at("under way")
    await until(lambda: begun == ["under way"], "a look is under way")
    looks.later("later", 0.01)
    await looks.close()
    assert ended.is_set() and not list(looks.under_way())
    looks.at("asked afterwards")
    looks.later("asked for later", 0.01)
    others.later("another's", 0.02)
    await until(lambda: "another's" in begun, "the time of all of them has come")
    assert begun == ["under way", "another's"]


def noting(begun: list[str]) -> Looks:
    async def look(run_id: str) -> None:
        begun.append(run_id)

    return Looks(look)
