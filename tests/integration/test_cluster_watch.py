"""Documents that are followed while watches are refused, cut and too old: none is missed, none stays that is gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.lines import LONGEST
from services.executor.backends.kubernetes.pauses import Pauses
from services.executor.backends.kubernetes.watching import Watch
from tests.support.kubernetes.proxy import Proxy, asks
from tests.support.waiting import until

PATH = "/api/v1/nodes"
LISTS, WATCHES = asks("LIST", PATH), asks("WATCH", PATH)


class Known:
    """The names of what is there."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def begin(self) -> None:
        """Nothing is forgotten while the list is read."""

    def take(self, document: dict[str, Any]) -> None:
        self.names[document["metadata"]["uid"]] = document["metadata"]["name"]

    def drop(self, document: dict[str, Any]) -> None:
        del self.names[document["metadata"]["uid"]]

    def end(self, seen: set[str]) -> None:
        self.names = {uid: name for uid, name in self.names.items() if uid in seen}


def document(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"uid": f"uid-{name}", "name": name, "resourceVersion": str(version)}}


def event(kind: str, name: str, version: int) -> dict[str, Any]:
    return {"type": kind, "object": document(name, version)}


def page(version: int, *names: str, more: str = "") -> dict[str, Any]:
    items = [document(name, version) for name in names]
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": items}


@pytest.fixture
async def known(between: Proxy) -> AsyncIterator[Known]:
    """Of somebody who follows; it begins when the test first waits."""
    api, known = Api(between.kubeconfig), Known()
    await api.open()
    following = asyncio.create_task(Watch(api, PATH, {}, known).follow())
    yield known
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await api.close()


def versions(between: Proxy) -> list[str]:
    """From which the watches were to go on, in order."""
    return [asked.query["resourceVersion"] for asked in between.asked if WATCHES(asked)]


async def knows(known: Known, *names: str) -> None:
    await until(lambda: sorted(known.names.values()) == sorted(names), f"{names} are known")


async def test_a_list_comes_in_pages_and_the_watch_goes_on_from_its_version(between: Proxy, known: Known) -> None:
    between.say(LISTS, page(7, "a", more="next"))
    between.say(LISTS, page(7, "b"))
    between.tell(WATCHES, event("ADDED", "c", 8), event("DELETED", "a", 9), stays=True)
    await knows(known, "b", "c")
    assert [asked.query.get("continue") for asked in between.asked if LISTS(asked)] == [None, "next"]
    assert versions(between) == ["7"]


async def test_a_version_that_is_too_old_has_the_documents_listed_again(between: Proxy, known: Known) -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
    between.say(LISTS, page(7, "a", "b"))
    between.tell(WATCHES, event("ADDED", "c", 8), gone)
    between.say(LISTS, page(20, "b", "d"))
    between.tell(WATCHES, stays=True)
    await knows(known, "b", "d")
    await until(lambda: versions(between) == ["7", "20"], "it watches from the new list on")


@pytest.mark.parametrize("rest", [b"", b'{"type": "ADDED", "obj'])
async def test_a_watch_that_ends_goes_on_after_the_last_thing_it_told(
    between: Proxy, known: Known, rest: bytes
) -> None:
    between.say(LISTS, page(7, "a"))
    between.tell(WATCHES, event("ADDED", "b", 8), event("BOOKMARK", "", 11), rest=rest)
    between.tell(WATCHES, event("ADDED", "c", 12), stays=True)
    await knows(known, "a", "b", "c")
    assert versions(between) == ["7", "11"]
    assert len([asked for asked in between.asked if LISTS(asked)]) == 1


async def test_a_watch_that_is_cut_in_the_middle_goes_on(between: Proxy, known: Known) -> None:
    between.say(LISTS, page(7, "a"))
    between.tell(WATCHES, event("ADDED", "b", 8), stays=True)
    await knows(known, "a", "b")
    between.tell(WATCHES, event("DELETED", "a", 9), stays=True)
    assert between.cut(WATCHES) == 1
    await knows(known, "b")
    assert versions(between) == ["7", "8"]


async def test_what_no_watch_tells_is_found_by_listing(between: Proxy, known: Known) -> None:
    between.refuse(WATCHES, 500, times=3)
    for version, names in ((7, "a"), (8, "ab"), (9, "b"), (10, "bc")):
        between.say(LISTS, page(version, *names))
    between.tell(WATCHES, stays=True)
    await knows(known, "b", "c")
    await until(lambda: versions(between) == ["7", "8", "9", "10"], "each watch goes on from the newest list")


async def test_a_list_that_fails_between_its_pages_takes_nothing_for_gone(between: Proxy, known: Known) -> None:
    between.say(LISTS, page(7, "a", "b"))
    between.tell(WATCHES)
    between.say(LISTS, page(8, "b", more="next"))
    between.refuse(LISTS, 410)
    between.say(LISTS, page(9, "b", "c"))
    between.tell(WATCHES, stays=True)
    await knows(known, "b", "c")
    assert [asked.query.get("continue") for asked in between.asked if LISTS(asked)] == [None, None, "next", None]


async def test_documents_of_any_size_and_without_sense_end_no_watch(between: Proxy, known: Known) -> None:
    large = event("ADDED", "large", 9)
    large["object"]["spec"] = "\x01" * (1 << 20)  # six MiB on the line
    senseless = {"type": "ADDED", "object": {"metadata": {"uid": "uid-x", "resourceVersion": "10"}}}
    between.say(LISTS, page(7, "a") | {"items": [document("a", 7), senseless["object"]]})
    beyond = b'"' + b"x" * LONGEST + b'"\n' + json.dumps(event("ADDED", "b", 11)).encode() + b"\n"
    between.tell(WATCHES, large, senseless, rest=beyond, stays=True)
    await knows(known, "a", "large", "b")
    assert versions(between) == ["7"]


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(between: Proxy) -> None:
    api, known = Api(between.kubeconfig, most_bytes=10_000), Known()
    await api.open()
    between.say(LISTS, page(7, "a" * 20_000), times=2)
    between.say(LISTS, page(7, "a"))
    between.tell(WATCHES, stays=True)
    following = asyncio.create_task(Watch(api, PATH, {}, known).follow())
    await knows(known, "a")
    assert [asked.query["limit"] for asked in between.asked if LISTS(asked)] == ["500", "250", "125"]
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await api.close()


def test_whoever_is_refused_waits_longer_each_time_up_to_a_bound() -> None:
    pauses = Pauses(0.1, 30.0)
    taken = [pauses.next() for _ in range(40)]
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(taken[:8]))
    assert all(15.0 <= pause <= 30.0 for pause in taken[10:])
    assert len(set(taken[10:])) > 1
    pauses.reset()
    assert pauses.next() <= 0.1
