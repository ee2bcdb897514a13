"""What a run has used, however a backend counts it: the whole tree of processes, those that come and go included."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.domain.observation import Started
from services.executor.domain.reading import Reading
from tests.support.busy import HELD, RECEIVED, WRITTEN, BusyJob
from tests.support.executor_backend import Bench, ProcessHome
from tests.support.waiting import until


@pytest.fixture(params=["groups", "tree"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """An open backend. Another implementation is one more parameter, made here."""
    home, folder = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    folder.mkdir()
    bench = Bench(lambda: ProcessBackend(home, 5, Groups(home, mounted() if request.param == "groups" else ())), folder)
    await bench.open()
    yield bench
    await bench.close()
    bench.end_everything()
    ProcessHome(home).kill_all()


async def reading(bench: Bench, run_id: str) -> Reading:
    return (await bench.backend.measure([run_id]))[run_id]


def about(amount: int) -> object:
    return pytest.approx(amount, rel=0.1)


async def test_a_busy_job_is_read_as_it_is(bench: Bench) -> None:
    job = BusyJob(bench.folder)
    id = await bench.launch(job.argv)
    await until(lambda: job.cpu_ns, "the job has done its work")
    used = job.cpu_ns or 0
    seen = await reading(bench, id)
    assert seen.cpu_ns == about(used)
    assert seen.memory_bytes == about(HELD)
    assert seen.write_bytes == about(WRITTEN)
    assert seen.receive_bytes is not None and seen.receive_bytes >= RECEIVED
    bench.go()
    totals = (await bench.ended(id)).totals
    assert totals is not None
    assert totals.cpu_ns == about(used)
    assert totals.write_bytes == about(WRITTEN)
    assert totals.receive_bytes is not None and totals.receive_bytes >= RECEIVED
    assert await bench.backend.measure([id]) == {}, "what is over is not measured"
    await bench.reopen()
    assert (await bench.ended(id)).totals == totals, "the next executor finds the same"


async def test_what_never_ran_is_not_measured(bench: Bench) -> None:
    id = await bench.runs()
    await bench.reaches(id, Started)
    assert set(await bench.backend.measure(["nobody.1", id])) == {id}
    assert await bench.backend.measure([]) == {}
