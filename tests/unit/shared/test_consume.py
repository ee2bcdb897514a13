"""The one rule of repetition and dead letters, as far as it needs no server."""

from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.bus import codec
from shared.bus.bus import Bus
from shared.bus.consume import ACK_WAIT_S, BACKOFF_S, delivery_of
from shared.bus.deadletters import bury
from shared.contracts.errors import PermanentError


class Stream(Bus):
    """Keeps what is published."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, bytes, str, dict[str, str]]] = []

    async def publish_raw(
        self, subject: str, payload: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> int:
        self.kept.append((subject, payload, message_id, headers or {}))
        return len(self.kept)


def message(delivered: int = 1, sequence: int = 17, headers: dict[str, str] | None = None, data: bytes = b"{}") -> Msg:
    """A message as JetStream delivers it: its figures stand in the subject of the reply."""
    reply = f"$JS.ACK.EVENTS.jobs.{delivered}.{sequence}.5.1700000000000000000.0"
    return Msg(Client(), subject="evt.run.started.v1.default.01J", reply=reply, data=data, headers=headers)


def test_a_message_is_tried_ten_times_within_two_minutes_and_waits_longer_each_time() -> None:
    assert len(BACKOFF_S) + 1 == 10
    assert list(BACKOFF_S) == sorted(BACKOFF_S)
    assert BACKOFF_S[0] < 1
    assert max(BACKOFF_S) <= ACK_WAIT_S
    assert 60 < sum(BACKOFF_S) < 120


def test_a_delivery_says_where_in_the_stream_it_stands_and_how_often_it_came() -> None:
    delivery = delivery_of(message(delivered=3), lambda subject, data: (subject, data))
    assert (delivery.sequence, delivery.delivered) == (17, 3)
    assert delivery.message == (delivery.subject, b"{}")


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b"\xff", b"null"])
def test_what_cannot_be_read_will_never_be_and_is_a_permanent_error(data: bytes) -> None:
    with pytest.raises(PermanentError, match=r"evt\.run\.started\.v1\.default\.01J"):
        delivery_of(message(data=data), codec.run_event)


async def test_a_dead_letter_keeps_its_message_and_says_whence_and_why() -> None:
    stream = Stream()
    sent = {"Nats-Msg-Id": "01J.1:started", "Nats-Expected-Stream": "EVENTS", "Traceparent": "00-1"}
    await bury(stream, message(headers=sent, data=b"\xff"), "EVENTS", "jobs", PermanentError("There is no job 01J."))
    assert stream.kept == [
        (
            "dead.jobs.evt.run.started.v1.default.01J",
            b"\xff",
            "EVENTS.17.jobs",
            {
                "Traceparent": "00-1",
                "Jobyard-Stream": "EVENTS",
                "Jobyard-Sequence": "17",
                "Jobyard-Error": "PermanentError: There is no job 01J.",
            },
        )
    ]


async def test_the_same_message_is_one_dead_letter_for_each_of_its_consumers() -> None:
    stream = Stream()
    for consumer in ("jobs", "jobs", "executor-a"):
        await bury(stream, message(), "EVENTS", consumer, PermanentError("no"))
    assert [id for _, _, id, _ in stream.kept] == ["EVENTS.17.jobs", "EVENTS.17.jobs", "EVENTS.17.executor-a"]


async def test_an_error_of_many_lines_cannot_break_out_of_its_header() -> None:
    stream = Stream()
    await bury(stream, message(), "EVENTS", "jobs", ValueError("one\r\nNats-Msg-Id: two\n" + "x" * 5000))
    headers: dict[str, Any] = stream.kept[0][3]
    assert headers["Jobyard-Error"].startswith("ValueError: one Nats-Msg-Id: two x")
    assert len(headers["Jobyard-Error"]) == 1000
