"""What jobs use, from the stream of samples through the metrics service and the gateway to whoever may see it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.bus.bus import Bus, connect
from shared.contracts.base import rfc3339
from shared.contracts.metrics import REPORTED_NAMES, NetworkTotals
from tests.support.metrics_service import publish, sample_at
from tests.support.people import Person, add, admin
from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.waiting import until, wait_until

SECONDS = 60
WAITS: dict[str, Any] = {"device_type": "v100", "devices": 8}
"""A job that no node has room for: nothing but a test says what it uses."""


@dataclass
class Cast:
    yard: Platform
    root: Person
    owner: Person
    member: Person
    stranger: Person


@pytest.fixture(scope="module")
def cast() -> Iterator[Cast]:
    with platform(simulate="v100=1", JOBYARD_GATEWAY_REFUSE_BEYOND_ANY_NODE="false") as yard:
        root = admin(yard)
        for vc in ("lab", "vault", "elsewhere"):
            root.call("POST", "/vcs", 201, json={"name": vc, "open": vc != "vault"})
        both = {"lab": "member", "vault": "member"}
        owner, member = add(yard, "ada", both), add(yard, "bob", both)
        yield Cast(yard, root, owner, member, add(yard, "eve", {"elsewhere": "admin"}))


@pytest.fixture
async def bus(cast: Cast) -> AsyncIterator[Bus]:
    async with connect(cast.yard.nats_url, "test") as connected:
        yield connected


@dataclass
class Used:
    """A job, and the minute in which it used something."""

    id: str
    start: datetime

    def metrics(self, who: Person) -> dict[str, Any]:
        """What somebody sees of that minute, a point each second."""
        end = self.start + timedelta(seconds=SECONDS)
        params: dict[str, str | int] = {"start": rfc3339(self.start), "end": rfc3339(end), "step": 1}
        found: dict[str, Any] = who.call("GET", f"/jobs/{self.id}/metrics", 200, params=params)
        return found


async def uses(bus: Bus, cast: Cast, vc: str = "lab", **fields: Any) -> Used:
    """A job that uses one core for a minute, and what `fields` say."""
    id = cast.owner.submit("true", vc=vc, **WAITS)
    used = Used(id, datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=SECONDS))
    samples = [
        sample_at(second, id, start=used.start, vc=vc, cpu_seconds=float(second), **fields)
        for second in range(SECONDS + 1)
    ]
    await publish(bus, *samples)

    async def all_there() -> bool:
        return [len(line["points"]) for line in used.metrics(cast.owner)["series"]][:1] == [SECONDS]

    await until(all_there, "the samples are drawn")
    return used


async def test_what_a_job_uses_is_drawn_with_its_units(cast: Cast, bus: Bus) -> None:
    network = NetworkTotals(receive_bytes=0, transmit_bytes=0, scope="host")
    used = await uses(bus, cast, memory_bytes=300 << 20, network=network, reported={"loss": 0.25})
    found = used.metrics(cast.member)
    assert (found["source"], found["simulated"]) == ("ring", True)
    drawn = {(line["name"], line["labels"].get("direction")): line for line in found["series"]}
    assert {key: (line["kind"], line["unit"]) for key, line in drawn.items()} == {
        ("cpu", None): ("usage", "cores"),
        ("memory", None): ("usage", "bytes"),
        ("network", "receive"): ("usage", "bytes_per_second"),
        ("network", "transmit"): ("usage", "bytes_per_second"),
        ("loss", None): ("reported", ""),
    }
    assert {value for _, value in drawn["memory", None]["points"]} == {float(300 << 20)}
    assert {value for _, value in drawn["cpu", None]["points"]} == {1.0}
    assert drawn["network", "receive"]["labels"]["scope"] == "host"
    times = [time for time, _ in drawn["loss", None]["points"]]
    assert times == [used.start.timestamp() + second for second in range(SECONDS + 1)]


async def test_more_than_a_message_holds_is_joined(cast: Cast, bus: Bus) -> None:
    reported = {f"value_{number}": number + 0.123456789 for number in range(REPORTED_NAMES)}
    used = await uses(bus, cast, reported=reported)
    found = used.metrics(cast.owner)["series"]
    assert {line["name"]: line["points"][-1][1] for line in found if line["name"] != "cpu"} == reported
    assert {len(line["points"]) for line in found if line["name"] != "cpu"} == {SECONDS + 1}


async def test_whose_metrics_one_may_not_read_are_404_or_403(cast: Cast, bus: Bus) -> None:
    ours, theirs = await uses(bus, cast), await uses(bus, cast, vc="vault")
    path = "/jobs/{}/metrics"
    assert Person(cast.yard, "nobody", None).status("GET", path.format(ours.id)) == 401
    for id in (ours.id, theirs.id, "01JD8F2M5V7Q0R3S6T9W2X4Y8Z"):
        assert cast.stranger.status("GET", path.format(id)) == 404
    assert cast.member.status("GET", path.format(ours.id)) == 200
    assert cast.member.status("GET", path.format(theirs.id)) == 403
    assert cast.root.status("GET", path.format(theirs.id)) == 200


@pytest.mark.parametrize("query", ["start=now&end=-1h", "step=0", "start=-1000000s&step=1", "start=1e309", "x=1"])
def test_what_makes_no_sense_is_refused_with_a_sentence(cast: Cast, query: str) -> None:
    id = cast.owner.submit("true", vc="lab", **WAITS)
    problem = cast.owner.call("GET", f"/jobs/{id}/metrics?{query}", 422)
    assert problem["detail"].endswith(".") and problem["errors"]


async def test_the_command_shows_them(cast: Cast, bus: Bus) -> None:
    used = await uses(bus, cast, memory_bytes=300 << 20, reported={"loss": 0.25})
    printed = await asyncio.to_thread(command, cast, "metrics", used.id, "--since", rfc3339(used.start))
    shown = {line.split("  ")[0]: line for line in printed.splitlines()}
    assert "300 MiB" in shown["Memory"] and "0.25" in shown["loss"] and "cores" in shown["CPU"]


def command(cast: Cast, *words: str) -> str:
    """What `jobyard` prints for the owner."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    mine = {"JOBYARD_URL": cast.yard.url, "JOBYARD_TOKEN": cast.owner.token or "", "PYTHONPATH": str(CHECKOUT)}
    line = [sys.executable, "-m", "jobyard", *words]
    return subprocess.run(line, env=clean | mine, capture_output=True, text=True, timeout=120, check=True).stdout


async def test_after_the_services_were_killed_the_last_hour_is_still_there(cast: Cast, bus: Bus) -> None:
    used = await uses(bus, cast, memory_bytes=1 << 20)
    before = used.metrics(cast.owner)
    await asyncio.to_thread(cast.yard.kill_part, "core")

    async def there_again() -> bool:
        return cast.owner.status("GET", f"/jobs/{used.id}/metrics") == 200 and used.metrics(cast.owner) == before

    await until(there_again, "the samples are read back")


def test_a_job_that_has_run_says_in_lists_and_in_full_what_it_has_used(cast: Cast) -> None:
    id = cast.owner.submit("true", vc="lab", cpus=0.01)

    def runs(job: dict[str, Any]) -> int:
        return int((job["usage"] or {"runs": 0})["runs"])

    wait_until(lambda: runs(cast.owner.call("GET", f"/jobs/{id}", 200)) == 1, "its run is counted")
    wait_until(
        lambda: [runs(job) for job in cast.owner.call("GET", f"/jobs?q={id}", 200)["items"]] == [1],
        "the list says so",
    )
