"""Prints what happens to jobs, as another team's program would, with nats-py and the AsyncAPI document alone.

    python examples/subscriber/subscribe.py nats://subscriber:<password>@127.0.0.1:4222

It goes on where it ended the last time. The document says which subjects there are and which fields a message has.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import yaml
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingCame
from nats.js.api import AckPolicy, ConsumerConfig

DOCUMENT = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
STREAM = "EVENTS"


@dataclass(frozen=True)
class Channel:
    """A kind of event, as the document describes it."""

    name: str
    address: re.Pattern[str]
    required: tuple[str, ...]


def channels(document: dict[str, Any]) -> list[Channel]:
    """Every event that the platform sends."""
    sent = [operation["channel"]["$ref"] for operation in document["operations"].values() if _sends(operation)]
    envelope = document["components"]["schemas"]["CloudEvent"]
    found = []
    for reference in sent:
        name = reference.rpartition("/")[2]
        address = document["channels"][name]["address"]
        if address.startswith("evt."):
            pattern = re.sub(r"\\\{\w+\\\}", "[^.]+", re.escape(address))
            found.append(Channel(name, re.compile(pattern), tuple(envelope["required"])))
    return found


def _sends(operation: dict[str, Any]) -> bool:
    return bool(operation["action"] == "send")


def line(known: list[Channel], subject: str, payload: bytes) -> str:
    """One event as a line. What a newer platform adds is read over; what nobody described is said to be so."""
    channel = next((channel for channel in known if channel.address.fullmatch(subject)), None)
    if channel is None:
        return f"?  {subject} is not described in the document"
    try:
        event = json.loads(payload)
    except ValueError:
        return f"?  {subject} is not JSON"
    missing = [field for field in channel.required if field not in event]
    if missing:
        return f"?  {subject} lacks {', '.join(missing)}"
    job = event["data"].get("job", {})
    said = (job.get("state") or {}).get("reason") or {}
    words = (event["time"], channel.name, event["subject"], job.get("name", ""), said.get("message", ""))
    return "  ".join(word for word in words if word)


async def stored(client: Client, user: str) -> AsyncIterator[Msg]:
    """Every event that the stream holds and then each new one, from where the last run of this program ended."""
    js = client.jetstream()
    await js.add_consumer(
        STREAM, ConsumerConfig(name=user, durable_name=user, filter_subject="evt.>", ack_policy=AckPolicy.EXPLICIT)
    )
    subscription = await js.pull_subscribe_bind(user, STREAM, inbox_prefix=f"_INBOX.{user}.".encode())
    note("reading the stream")
    while True:
        try:
            messages = await subscription.fetch(100, timeout=5)
        except NothingCame:
            continue
        for message in messages:
            yield message
            await message.ack()


async def plain(client: Client) -> AsyncIterator[Msg]:
    """Each new event, while this program runs."""
    subscription = await client.subscribe("evt.>")
    await client.flush()
    note("listening")
    async for message in subscription.messages:
        yield message


def note(text: str) -> None:
    """For whoever started this program; events alone go to the standard output."""
    print(text, file=sys.stderr, flush=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description="Prints what happens to jobs.")
    parser.add_argument("url", help="the NATS server, with the account: nats://subscriber:<password>@host:4222")
    parser.add_argument("--plain", action="store_true", help="only what is new, without JetStream")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="the platform's AsyncAPI document")
    options = parser.parse_args()
    known = channels(yaml.safe_load(options.document.read_text()))
    user = urlsplit(options.url).username or "subscriber"

    async def on_error(error: Exception) -> None:
        note(f"NATS: {error}")

    client = await nats.connect(options.url, inbox_prefix=f"_INBOX.{user}".encode(), error_cb=on_error)
    note(f"{len(known)} kinds of events are described")
    async for message in plain(client) if options.plain else stored(client, user):
        print(line(known, message.subject, message.data), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
