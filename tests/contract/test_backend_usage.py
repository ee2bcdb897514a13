"""What a run has used, however a backend counts it: all of its processes, those that come and go included."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.executor.domain.reading import Reading
from tests.support.backends import BACKENDS
from tests.support.benches import opened, opened_here
from tests.support.busy import HELD, RECEIVED, WRITTEN, BusyJob
from tests.support.executor_backend import Bench, processes_of
from tests.support.groups import WAYS, counts_network, possible
from tests.support.waiting import until

OF_PROCESS = possible() if "process" in BACKENDS else []
OTHERS = [backend for backend in BACKENDS if backend == "docker"]


@pytest.fixture(params=[*OF_PROCESS, *OTHERS])
def way(request: pytest.FixtureRequest) -> str:
    """Which backend counts; `process` has several ways. Another backend is one more in OTHERS."""
    return str(request.param)


@pytest.fixture
async def bench(way: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(way, tmp_path) if way in OTHERS else opened_here(tmp_path, WAYS[way]) as bench:
        yield bench


def about(amount: int) -> object:
    return pytest.approx(amount, rel=0.1)


def has_received(reading: Reading, way: str, amount: int) -> bool:
    """By the loopback, which an engine does not count: only what leaves a container is network there.

    Where it is not the run's own, others of the machine have received something as well.
    """
    if way in OTHERS:
        return reading.network_scope == "run" and (reading.receive_bytes or 0) < amount / 10
    if not counts_network(way):
        return reading.network_scope == "host" and (reading.receive_bytes or 0) >= amount
    return reading.network_scope == "run" and bool(reading.receive_bytes == about(amount))


async def test_a_busy_job_is_read_as_it_is(bench: Bench, way: str) -> None:
    job = BusyJob(bench.folder)
    id = await bench.launch(job.argv)
    await until(lambda: job.cpu_ns, "the job has done its work", within=200)
    seen = await bench.reading(id)
    assert seen.cpu_ns == about(job.cpu_ns or 0)
    assert seen.memory_bytes == about(HELD)
    assert seen.write_bytes == about(WRITTEN) or (seen.write_bytes is None and way in OTHERS), "engines may not say"
    assert has_received(seen, way, RECEIVED), seen
    bench.go()
    totals = (await bench.ended(id)).totals
    assert totals is not None
    assert totals.cpu_ns == about(job.cpu_ns or 0)
    assert totals.write_bytes == about(WRITTEN)
    assert has_received(totals, way, RECEIVED), totals
    assert (totals.memory_bytes, totals.pids) == (None, ()), "nothing of it lives"
    assert await bench.backend.measure([id]) == {}, "what is over is not measured"


async def test_only_what_was_asked_for_and_lives_is_measured(bench: Bench) -> None:
    first, second = await bench.runs(), await bench.runs()
    assert set(await bench.backend.measure([first, second])) == {first, second}
    assert set(await bench.backend.measure(["nobody.1", second])) == {second}
    assert await bench.backend.measure([]) == {}


async def test_the_next_executor_goes_on_counting(bench: Bench, way: str) -> None:
    id = await bench.launch(f"{SENDS.format(mib=3)}; touch sent; {bench.WAIT_FOR_GO}; {SENDS.format(mib=3)}")
    await until((bench.folder / "sent").exists, "it has sent something")
    before = await bench.reading(id)
    await bench.reopen()
    after = await bench.reading(id)
    assert (after.cpu_ns or 0) >= (before.cpu_ns or 0) > 0
    assert (after.receive_bytes or 0) >= (before.receive_bytes or 0)
    assert has_received(after, way, 3 << 20), after
    await bench.close()
    bench.go()
    await until(lambda: not processes_of(id), "it ends while there is no executor")
    await bench.open()
    totals = (await bench.ended(id)).totals
    assert totals is not None
    assert (totals.cpu_ns or 0) > (after.cpu_ns or 0)
    assert has_received(totals, way, 6 << 20), totals
    await bench.reopen()
    assert (await bench.ended(id)).totals == totals


SENDS = (
    "python3 -c \"import socket; server = socket.create_server(('127.0.0.1', 0));"
    " to = socket.create_connection(server.getsockname()); of = server.accept()[0];"
    ' [(to.sendall(bytes(1 << 16)), of.recv(1 << 16, socket.MSG_WAITALL)) for _ in range({mib} << 4)]"'
)
"""A command that sends some MiB to itself."""


async def test_what_has_run_before_does_not_count(bench: Bench) -> None:
    first = await bench.launch("i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done")
    used = (await bench.ended(first)).totals
    second = await bench.runs()
    seen = await bench.reading(second)
    assert used is not None and used.cpu_ns is not None and seen.cpu_ns is not None
    assert seen.cpu_ns < used.cpu_ns
