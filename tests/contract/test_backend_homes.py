"""Runs in containers have a home that they can write to; on `process` they have that of whose they are."""

from dataclasses import replace

from services.executor.backends.frames import STDOUT
from services.executor.domain.observation import Started
from shared.contracts.streams import Child
from tests.support.executor_backend import Bench
from tests.support.streams import Held
from tests.support.waiting import until


async def test_a_home_that_cannot_be_written_is_the_jobs_folder_unless_the_job_says_another(bench: Bench) -> None:
    job = {"JOBYARD_JOB_PATH": str(bench.folder)}
    given, own = bench.order("echo kept > ~/.cache; echo $HOME"), bench.order("echo $HOME")
    given, own = replace(given, env=given.env | job), replace(own, env=own.env | job | {"HOME": "/nowhere"})
    await bench.backend.launch([given, own])
    await bench.ended(given.run_id)
    await bench.ended(own.run_id)
    assert bench.output(given.run_id)[STDOUT] == f"{bench.folder}\n".encode()
    assert bench.lines(".cache") == ["kept"]
    assert bench.output(own.run_id)[STDOUT] == b"/nowhere\n"


async def test_a_child_has_a_home_that_can_be_written_as_its_run_has(bench: Bench) -> None:
    order = bench.order(f"echo $HOME >> home; {bench.WAIT_FOR_GO}")
    await bench.backend.launch([replace(order, env=order.env | {"JOBYARD_JOB_PATH": str(bench.folder)})])
    await until(lambda: bench.lines("home"), "it runs")
    await bench.reaches(order.run_id, Started)
    child = Child(argv=("/bin/sh", "-c", "echo $HOME"))
    async with Held(await bench.backend.exec(order.run_id, child)) as held:
        assert (await held.everything("stdout")).decode() == f"{bench.folder}\n"
    assert bench.lines("home") == [str(bench.folder)]
