"""A Docker engine that does nothing for one of its containers: the runs in all others go on as if it did."""

from pathlib import Path

import pytest

from services.executor.backends.docker.names import home_id_of, name_of
from services.executor.domain.observation import Started, Waiting
from tests.support.benches import clear_containers, docker_bench
from tests.support.docker import docker, engine
from tests.support.engine_proxy import declining


async def test_a_container_of_which_the_engine_says_nothing_holds_up_no_other(tmp_path: Path) -> None:
    home, work, declined = tmp_path / "home", tmp_path / "work", set[str]()
    for folder in (home, work):
        folder.mkdir()
    async with declining(engine(), tmp_path, declined) as host:
        bench = docker_bench(home, work, host=host)
        await bench.open()
        try:
            ill, well = await bench.runs(), await bench.runs()
            names = {run_id: name_of(home_id_of(home), run_id) for run_id in (ill, well)}
            declined.add(names[ill])
            assert (await bench.backend.measure([ill, well])).keys() == {well}
            seen = await bench.backend.observe([ill, well])
            assert all(isinstance(seen[run_id], Started) for run_id in (ill, well)), "it is as it was last seen"
            with pytest.raises(OSError, match="A test says so"):
                await bench.backend.stop(ill)
            await bench.reopen()
            seen = await bench.backend.observe([ill, well])
            assert (type(seen[ill]), type(seen[well])) == (Waiting, Started), "this process has never seen it"
            bench.go()
            await bench.ended(well)
            with pytest.raises(OSError, match="A test says so"):
                await bench.backend.forget([ill, well])
            left = docker("ps", "--all", "--format", "{{.Names}}").split()
            assert names[ill] in left and names[well] not in left
            declined.clear()
            await bench.ended(ill)
            await bench.backend.forget([ill, well])
            assert names[ill] not in docker("ps", "--all", "--format", "{{.Names}}").split()
        finally:
            await bench.close()
            clear_containers(home)
            bench.end_everything()
