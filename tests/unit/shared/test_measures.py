"""What a process says of its connection to NATS."""

from collections import Counter

from shared.bus.bus import Bus, kind_of
from shared.contracts.events import run_envelope
from shared.measures import measure_bus
from shared.meter import Meter
from tests.support.documents import NOW, exited


class Troubled(Bus):
    """One whose server stores no events at present."""

    def __init__(self) -> None:
        self.events_stored = Counter({"job.submitted": 3})
        self.reconnections = 2
        self.refusals = {"evt": "no space left on device"}

    @property
    def connected(self) -> bool:
        return True


def test_trouble_with_nats_is_said_as_long_as_it_lasts() -> None:
    meter, bus = Meter(), Troubled()
    measure_bus(meter, bus)
    says = meter.registry.get_sample_value
    assert says("jobyard_nats_connected") == 1
    assert says("jobyard_nats_reconnections_total") == 2
    assert says("jobyard_events_published_total", {"event": "job.submitted"}) == 3
    assert says("jobyard_publish_refused", {"kind": "evt"}) == 1
    bus.refusals.clear()
    assert says("jobyard_publish_refused", {"kind": "evt"}) is None


def test_an_event_is_counted_by_what_it_tells() -> None:
    assert kind_of(run_envelope(exited(), "/executor/node-1", NOW, None)) == "run.exited"
