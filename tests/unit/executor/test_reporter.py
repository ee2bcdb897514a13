"""The end of a run is told, whatever is wrong with what it has used."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from services.executor.checkpoints import Looks
from services.executor.domain.observation import Ended, Lost, Observation, Started
from services.executor.domain.record import Member
from services.executor.domain.used import SECOND_NS, Totals, Used
from services.executor.reporter import Reporter
from services.executor.run import Run
from services.executor.shipping import Shipper
from services.executor.usage.files import Tally
from services.executor.usage.looks import JobFolders
from services.executor.usage.sampler import Sampler
from services.executor.usage.tallies import Tallies
from shared.bus.bus import Bus
from shared.contracts.events import RunEnded, RunEvent, RunLost
from shared.contracts.job import Reason, Share
from shared.contracts.metrics import RunUsage
from shared.meter import Meter
from tests.support.executor import ID, NODE, record_of
from tests.support.usage import START_NS, Node, reading_of
from tests.support.waiting import until

RUN = f"{ID}.1"
ENDED = Ended(START_NS, START_NS + 2 * SECOND_NS, 0, None, stopped=False, forced=False, output_bytes=0)
STARTED = Started(START_NS, 2)
LOST = Lost(Reason(code="lost", message="It is gone."))
FORGED: dict[str, dict[str, Any]] = {
    "ages of processor time": {"used": {"at_ns": START_NS, "totals": {"cpu_ns": 10**60}}},
    "bytes without end": {"used": {"at_ns": START_NS, "totals": {"write_bytes": 10**400}}},
    "less than nothing": {"used": {"at_ns": START_NS, "totals": {"read_bytes": -1}}},
    "a name that is none": {"reported": {"a b": 1.0}},
    "too many names": {"reported": {f"n{number}": 1.0 for number in range(1000)}},
    "a start before all time": {"started_ns": -(10**40)},
}
"""By what its tally says; the rest of that is well."""


class Telling(Bus):
    """Keeps the events that it is told."""

    def __init__(self) -> None:
        self.events: list[RunEvent] = []

    async def publish(self, subject: str, event: Any) -> int:
        self.events.append(event.data)
        return len(self.events)

    async def publish_raw(
        self, subject: str, payload: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> int:
        return 1


class Broken(Sampler):
    """Can not add up what a run has used."""

    async def finish(self, member: Member, seen: Ended) -> RunUsage | None:
        raise OverflowError("cannot convert float infinity to integer")

    async def lose(self, member: Member) -> RunUsage | None:
        raise RuntimeError("can't start new thread")


async def told(node: Node, seen: Observation, sampler: Sampler | None = None) -> RunEvent:
    """What the next executor process says of a run that is over."""
    bus = Telling()
    await reporter_of(node, bus, sampler or node.sampler()).report(Run(record_of(), {RUN: seen}))
    [event] = bus.events
    return event


def reporter_of(node: Node, bus: Bus, sampler: Sampler) -> Reporter:
    shipper = Shipper(bus, lambda run_id: node.folder / f"{run_id}.output")
    return Reporter(bus, node.clock, NODE, shipper, sampler, Looks(), uses_images=False, meter=Meter())


@pytest.mark.parametrize("seen", [ENDED, LOST], ids=["ended", "lost"])
async def test_the_end_says_what_the_run_has_used(tmp_path: Path, seen: Observation) -> None:
    node = Node(tmp_path)
    node.files.save(RUN, Tally(started_ns=START_NS, used=Used(at_ns=START_NS, totals=Totals(cpu_ns=SECOND_NS))))
    event = await told(node, seen)
    assert isinstance(event, RunEnded | RunLost)
    assert event.usage is not None
    assert event.usage.cpu_seconds == 1


@pytest.mark.parametrize("seen", [ENDED, LOST], ids=["ended", "lost"])
async def test_a_use_that_cannot_be_added_up_costs_no_end(tmp_path: Path, seen: Observation) -> None:
    node = Node(tmp_path)
    tallies, folders = Tallies(node.files), JobFolders()
    broken = Broken(node.measured.measure, node.devices.read, tallies, folders, node.feed, node.exporter, node.clock)
    with structlog.testing.capture_logs() as logs:
        event = await told(node, seen, broken)
    assert isinstance(event, RunEnded | RunLost)
    assert event.usage is None
    assert [entry["event"] for entry in logs] == ["usage_unknown"]


@pytest.mark.parametrize("seen", [ENDED, LOST], ids=["ended", "lost"])
@pytest.mark.parametrize("forged", FORGED)
async def test_a_sum_that_a_run_has_forged_costs_its_end_no_reader(
    tmp_path: Path, seen: Observation, forged: str
) -> None:
    node = Node(tmp_path)
    tally = Tally(started_ns=START_NS, used=Used(at_ns=START_NS)).model_dump(mode="json") | FORGED[forged]
    (tmp_path / "metrics" / f"{RUN}.tally").write_text(json.dumps(tally) + "\n")
    event = await told(node, seen)
    assert isinstance(event, RunEnded | RunLost)
    assert type(event).model_validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize("was_sampled", [True, False])
async def test_a_rank_that_ended_before_its_peers_is_shown_as_living_no_longer_and_is_summed_up_once(
    tmp_path: Path, was_sampled: bool
) -> None:
    node, bus = Node(tmp_path), Telling()
    sampler = node.sampler()
    other = f"{RUN}-1"
    run = Run(record_of(shares=(Share(node=NODE), Share(node=NODE, rank=1))), dict.fromkeys((RUN, other), STARTED))
    reporting = asyncio.create_task(reporter_of(node, bus, sampler).report(run))
    await until(lambda: bus.events, "its start is told")
    node.measured.readings = {id: reading_of(1, memory_bytes=7) for id in ((RUN, other) if was_sampled else (RUN,))}
    await sampler.sweep()
    run.advance(other, ENDED)
    await until(lambda: _last_of(node) == ENDED.ended_ns, "its last sample is told while the other one lives")
    await sampler.sweep()
    assert _living(node) == {"0"}
    run.advance(RUN, replace(ENDED, ended_ns=ENDED.ended_ns + 2 * SECOND_NS))
    await reporting
    ended = bus.events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.usage is not None and ended.usage.seconds == 4
    times = [sample.time for sample in node.feed.samples if sample.rank == 1]
    assert len(times) == len(set(times))


def _last_of(node: Node) -> int:
    """When the second rank's last sample was."""
    times = [sample.time.timestamp() for sample in node.feed.samples if sample.rank == 1]
    return int(max(times, default=0)) * SECOND_NS


def _living(node: Node) -> set[str]:
    """The ranks of which a scrape finds what is so at this moment."""
    families = {family.name: family for family in node.exporter.collect()}
    return {series.labels["rank"] for series in families["jobyard_job_memory_working_set_bytes"].samples}
