"""What the bus itself says, read by a plain client that knows nothing of the services' code.

Every event with the id that it was published under, what became a dead letter, what the services' consumers have not
acknowledged, and what the nodes have.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import KeyNotFoundError, NoKeysError

from tests.support.waiting import until

ENDS = {"returned", "paused", "preempted", "retried", "finished", "failed", "errored", "killed"}
"""Events after which a job holds nothing any more."""


class Published(NamedTuple):
    """One message of the EVENTS stream."""

    subject: str
    message_id: str
    payload: bytes

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.payload)
        return body


@dataclass(frozen=True)
class Audit:
    """The streams at one moment."""

    events: list[Published]
    dead: list[str]
    nodes: dict[str, dict[str, Any]]

    def job_events(self) -> dict[str, list[dict[str, Any]]]:
        """Each job's events in the order of the stream, as the platform published them: copies have other ids."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in self.events:
            if event.subject.startswith("evt.job.") and _is_readable(event) and event.body["id"] == event.message_id:
                found[event.body["subject"]].append(event.body)
        return found


class Held(NamedTuple):
    """What one attempt of a job held of a node, from its placement to its release."""

    since: datetime
    until: datetime
    node: str
    devices: frozenset[tuple[str, int]]
    cpus: int
    """In hundredths."""
    run: str


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Client]:
    """A plain connection."""
    connection = await nats.connect(url, connect_timeout=30)
    try:
        yield connection
    finally:
        await connection.close()


def audit(url: str) -> Audit:
    """Read everything."""
    return asyncio.run(_audit(url))


def owed(url: str) -> dict[str, int]:
    """Messages that a durable consumer has still to get or to acknowledge, by consumer; none when all is done."""
    return asyncio.run(_owed(url))


async def read(connection: Client, stream: str, subject: str) -> list[Msg]:
    """All messages that the stream holds by now, in order."""
    js = connection.jetstream()
    last = (await js.stream_info(stream, subjects_filter=subject)).state
    count = sum((last.subjects or {}).values())
    subscription = await js.subscribe(subject, stream=stream, ordered_consumer=True)
    messages = [await subscription.next_msg(timeout=60) for _ in range(count)]
    await subscription.unsubscribe()
    return messages


async def _audit(url: str) -> Audit:
    async with client(url) as connection:
        events = [
            Published(message.subject, (message.headers or {}).get("Nats-Msg-Id", ""), message.data)
            for message in await read(connection, "EVENTS", "evt.>")
        ]
        dead = [message.subject for message in await read(connection, "DEADLETTERS", "dead.>")]
        published = Audit(events, dead, {})
        return replace(published, nodes=await _nodes(connection, _placed_on(published)))


def _placed_on(audit: Audit) -> set[str]:
    """The nodes that jobs were given places on."""
    states = [event["data"]["job"]["state"] for events in audit.job_events().values() for event in events]
    return {share["node"] for state in states for share in (state["allocation"] or {"shares": ()})["shares"]}


async def _nodes(connection: Client, wanted: set[str]) -> dict[str, Any]:
    """What these nodes say of themselves; the bucket is empty until they report to a new server."""
    bucket = await connection.jetstream().key_value("NODES")
    found: dict[str, Any] = {}

    async def look() -> bool:
        with suppress(NoKeysError, KeyNotFoundError):
            found.update({name: json.loads((await bucket.get(name)).value or b"") for name in await bucket.keys()})
        return wanted <= found.keys()

    await until(look, f"{wanted} have reported")
    return found


async def _owed(url: str) -> dict[str, int]:
    async with client(url) as connection:
        consumers = await connection.jetstream().consumers_info("EVENTS")
        waiting = {info.name: (info.num_ack_pending or 0) + (info.num_pending or 0) for info in consumers}
        return {info.name: waiting[info.name] for info in consumers if info.config.durable_name and waiting[info.name]}


def _is_readable(event: Published) -> bool:
    try:
        return isinstance(event.body, dict) and "id" in event.body
    except ValueError:
        return False


def allocations(events: dict[str, list[dict[str, Any]]]) -> list[Held]:
    """What every attempt held and when, by the times of its events.

    Events of different jobs may enter the stream in another order than the changes were made in, after a kill above
    all; their times are the order in which the one writer decided them.
    """
    found: list[Held] = []
    for id, those in events.items():
        begun: dict[str, Any] | None = None
        for event in sorted({event["jobversion"]: event for event in those}.items()):
            fact = event[1]["type"].split(".")[3]
            if begun is not None and fact in ENDS:
                found += _held(id, begun, _time(event[1]))
                begun = None
            if fact == "scheduled":
                begun = event[1]
        if begun is not None:
            found += _held(id, begun, datetime.max.replace(tzinfo=_time(begun).tzinfo))
    return found


def check_capacity(held: list[Held], nodes: dict[str, dict[str, Any]]) -> None:
    """E: at no moment was more placed on a node than it has, and no device twice."""
    moments = sorted(
        [(one.since, 1, number) for number, one in enumerate(held) if one.until > one.since]
        + [(one.until, 0, number) for number, one in enumerate(held) if one.until > one.since]
    )
    devices: dict[tuple[str, str, int], str] = {}
    cpus: dict[str, int] = defaultdict(int)
    for when, begins, number in moments:
        one = held[number]
        has = nodes[one.node]
        for device in one.devices:
            if begins:
                assert device[1] < has["devices"][device[0]], f"{one.node} has no {device}"
                holder = devices.setdefault((one.node, *device), one.run)
                assert holder == one.run, f"{device} is held by {holder} when {one.run} gets it at {when}"
            else:
                del devices[(one.node, *device)]
        cpus[one.node] += one.cpus if begins else -one.cpus
        assert cpus[one.node] <= has["cpus"] * 100, f"{cpus[one.node]} cpu hundredths on {one.node} at {when}"


def _held(id: str, placed: dict[str, Any], until: datetime) -> list[Held]:
    job = placed["data"]["job"]
    run = f"{id}.{job['state']['attempt']}"
    return [
        Held(
            since=_time(placed),
            until=until,
            node=share["node"],
            devices=frozenset((job["device_type"], index) for index in share["devices"]),
            cpus=round(job["cpus"] * 100),
            run=run,
        )
        for share in job["state"]["allocation"]["shares"]
    ]


def _time(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])
