"""Calls to an API server that has trouble: what passes is waited for, and a refusal is told at once."""

import asyncio

import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway, refusal
from tests.support.kubernetes.proxy import Proxy, asks
from tests.support.waiting import LONG_S

POD = "/api/v1/namespaces/lab/pods/job"
FOUND = {"kind": "Pod"}


@pytest.mark.parametrize("status", [401, 429, 500, 503, 504])
async def test_an_answer_that_says_to_come_again_is_asked_for_again(between: Proxy, api: Api, status: int) -> None:
    between.refuse(asks("GET", POD), status, times=2)
    between.say(asks("GET", POD), FOUND)
    assert await api.get(POD) == FOUND
    assert len(between.asked) == 3


async def test_a_call_whose_connection_is_cut_is_repeated(between: Proxy, api: Api) -> None:
    between.lose(asks("POST", POD))
    between.say(asks("POST", POD), FOUND)
    assert await api.create(POD, {}) == FOUND


async def test_a_call_that_is_not_answered_gives_up_in_its_own_time(between: Proxy, api: Api) -> None:
    between.hold(asks("GET", POD), times=100)
    async with asyncio.timeout(LONG_S):
        with pytest.raises(ClusterAway):
            await api.get(POD, within_s=0.05)


async def test_a_page_of_somebody_between_is_no_document(between: Proxy, api: Api) -> None:
    between.tell(asks("GET", POD), rest=b"<html>Please sign in</html>")
    between.say(asks("GET", POD), FOUND)
    assert await api.get(POD) == FOUND


async def test_a_token_that_was_rotated_is_read_again(between: Proxy, api: Api) -> None:
    between.say(asks("GET", POD), FOUND, times=2)
    assert await api.get(POD) == FOUND
    between.rotate("second")
    assert await api.get(POD) == FOUND
    assert len(between.asked) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
async def test_a_refusal_is_told_at_once_with_its_causes(between: Proxy, api: Api, status: int) -> None:
    between.refuse(asks("GET", POD), status, causes=("NamespaceTerminating",))
    with pytest.raises(ApiError, match="A test says so") as refused:
        await api.get(POD)
    assert (refused.value.status, refused.value.causes) == (status, ("NamespaceTerminating",))
    assert len(between.asked) == 1


@pytest.mark.parametrize(
    ("said", "after_s"), [("3", 3.0), ("86400", 30.0), ("", 0.0), ("-1", 0.0), ("soon", 0.0), ("9" * 400, 0.0)]
)
def test_a_server_says_when_to_come_again_and_not_in_a_year(said: str, after_s: float) -> None:
    away = refusal(429, {"Retry-After": said}, b"")
    assert isinstance(away, ClusterAway)
    assert away.after_s == after_s


@pytest.mark.parametrize("data", [b"", b"[]", b'{"details": null}', b"\xff"])
def test_a_refusal_without_words_is_one_all_the_same(data: bytes) -> None:
    refused = refusal(403, {}, data)
    assert isinstance(refused, ApiError)
    assert refused.status == 403
