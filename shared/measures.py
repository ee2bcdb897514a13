"""What every process measures of itself, whichever services it runs: its connection, consumers and outboxes."""

from collections.abc import Sequence
from typing import Any

from shared.bus.bus import Bus
from shared.bus.consume import ListConsumer
from shared.contracts.instruments import (
    EVENTS_PUBLISHED,
    MESSAGES,
    NATS_CONNECTED,
    NATS_RECONNECTIONS,
    OUTBOX_DOCUMENTS,
    OUTBOX_OLDEST,
    PUBLISH_REFUSED,
)
from shared.meter import Meter, Values
from shared.outbox import Outbox


def measure_bus(meter: Meter, bus: Bus) -> None:
    """The connection to NATS, and what goes out through it."""
    meter.watch(NATS_CONNECTED, lambda: float(bus.connected))
    meter.watch(NATS_RECONNECTIONS, lambda: bus.reconnections)
    meter.watch(EVENTS_PUBLISHED, lambda: (((kind,), count) for kind, count in bus.events_stored.items()))
    meter.watch(PUBLISH_REFUSED, lambda: (((kind,), 1.0) for kind in bus.refusals))


def measure_outbox(meter: Meter, service: str, outbox: Outbox[Any]) -> None:
    """What a service has stored and not yet published."""
    meter.watch(OUTBOX_DOCUMENTS, lambda: [((service,), outbox.lag)])
    meter.watch(OUTBOX_OLDEST, lambda: [((service,), outbox.oldest_s)])


def measure_consumers(meter: Meter, consumers: Sequence[ListConsumer]) -> None:
    """What became of the messages that came in through durable consumers."""

    def outcomes() -> Values:
        return [((one.durable, outcome), count) for one in consumers for outcome, count in one.outcomes.items()]

    meter.watch(MESSAGES, outcomes)
