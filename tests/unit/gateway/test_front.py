"""The outermost layer: an answer begins once, whatever goes wrong after that."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from services.gateway.front import Front, HttpMetrics
from services.gateway.watch import Cut
from shared.contracts.errors import Conflict, TemporaryError
from shared.meter import Meter

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
TROUBLE = (Conflict("not now"), TemporaryError("away"), Cut(), ValueError("a fault"))


async def answered(error: BaseException, *, begun: bool) -> list[Message]:
    """What is sent when the application fails with this error, before its answer has begun or within it."""
    sent: list[Message] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise error

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await Front(application, HttpMetrics(Meter()), 10, access_log=False)(SCOPE, receive, send)
    return sent


@pytest.mark.parametrize("error", TROUBLE, ids=lambda error: type(error).__name__)
async def test_an_answer_that_had_begun_is_left_unfinished_and_not_begun_again(error: Exception) -> None:
    assert [message.get("body", b"") for message in await answered(error, begun=True)] == [b"", b"half"]


@pytest.mark.parametrize(("error", "status"), [(TROUBLE[0], 409), (TROUBLE[1], 503), (TROUBLE[3], 500)])
async def test_trouble_before_the_answer_is_a_problem_document(error: Exception, status: int) -> None:
    start, *_ = await answered(error, begun=False)
    assert start["status"] == status


async def test_a_request_that_is_given_up_while_the_server_stops_is_answered_with_a_503() -> None:
    start, body = await answered(asyncio.CancelledError(), begun=False)
    assert start["status"] == 503
    assert b"Try again" in body["body"]


async def test_an_answer_that_had_begun_is_cut_when_it_is_given_up() -> None:
    with pytest.raises(asyncio.CancelledError):
        await answered(asyncio.CancelledError(), begun=True)
