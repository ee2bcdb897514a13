"""What NATS says of the streams and of who reads them: how full they are, and what waits for whom.

The service that makes the streams looks at them for everybody: a consumer whose service is away has nobody else
to say how far it is behind. Every replica says the same. Consumers without a lasting name come and go; of those only
the one that is furthest behind counts.
"""

import asyncio

import structlog
from nats.js.api import ConsumerInfo

from shared.bus.bus import AWAY, Bus
from shared.bus.streams import NAMES
from shared.contracts.instruments import (
    CONSUMER_PENDING,
    CONSUMER_REDELIVERED,
    CONSUMER_UNACKNOWLEDGED,
    STREAM_BYTES,
    STREAM_LIMIT,
    STREAM_MESSAGES,
    STREAM_STORED,
    Instrument,
)
from shared.meter import Labels, Meter

log = structlog.get_logger()

LOOK_S = 15.0
PAGE = 256
"""Consumers in one answer of the server."""
FOLLOWERS = "followers"

Figures = dict[Instrument, dict[Labels, float]]


class Backlog:
    """What the last look has found; nothing while NATS does not answer."""

    def __init__(self, bus: Bus, meter: Meter, every_s: float = LOOK_S) -> None:
        self._bus = bus
        self._every_s = every_s
        self._figures: Figures = {}
        for instrument in (
            STREAM_MESSAGES,
            STREAM_BYTES,
            STREAM_LIMIT,
            STREAM_STORED,
            CONSUMER_PENDING,
            CONSUMER_UNACKNOWLEDGED,
            CONSUMER_REDELIVERED,
        ):
            self._offer(meter, instrument)

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            try:
                self._figures = await self._look()
            except AWAY as error:
                log.warning("backlog_not_measured", error=repr(error))
                self._figures = {}
            await asyncio.sleep(self._every_s)

    def _offer(self, meter: Meter, instrument: Instrument) -> None:
        meter.watch(instrument, lambda: self._figures.get(instrument, {}).items())

    async def _look(self) -> Figures:
        found: Figures = {}
        for stream in NAMES:
            info = await self._bus.js.stream_info(stream)
            found.setdefault(STREAM_MESSAGES, {})[stream,] = info.state.messages
            found.setdefault(STREAM_BYTES, {})[stream,] = info.state.bytes
            found.setdefault(STREAM_LIMIT, {})[stream,] = info.config.max_bytes or 0
            found.setdefault(STREAM_STORED, {})[stream,] = info.state.last_seq
            for offset in range(0, info.state.consumer_count, PAGE):
                for consumer in await self._bus.js.consumers_info(stream, offset):
                    _count(found, stream, consumer)
        return found


def _count(found: Figures, stream: str, consumer: ConsumerInfo) -> None:
    name = consumer.config.durable_name or FOLLOWERS
    for instrument, value in (
        (CONSUMER_PENDING, consumer.num_pending),
        (CONSUMER_UNACKNOWLEDGED, consumer.num_ack_pending),
        (CONSUMER_REDELIVERED, consumer.num_redelivered),
    ):
        values = found.setdefault(instrument, {})
        values[stream, name] = max(values.get((stream, name), 0), value or 0)
