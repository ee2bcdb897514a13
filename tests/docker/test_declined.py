"""A Docker engine that does not do all that it is asked for: whoever needs none of that goes on as if it did."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.protocol import RunOrder
from services.executor.domain.observation import Refused, Started, Waiting
from tests.support.benches import opened_in_docker
from tests.support.docker import docker, engine
from tests.support.engine_proxy import declining


async def test_a_container_of_which_the_engine_says_nothing_holds_up_no_other(tmp_path: Path) -> None:
    declined = set[str]()
    async with (
        declining(engine(), tmp_path, declined) as host,
        opened_in_docker(tmp_path, host=host) as bench,
    ):
        ill, well = await bench.runs(), await bench.runs()
        names = {run_id: bench.container(run_id) for run_id in (ill, well)}
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


async def test_ranks_that_get_no_network_wait_for_others_and_say_what_operators_can_do(tmp_path: Path) -> None:
    async with (
        declining(engine(), tmp_path, {"networks/create"}) as host,
        opened_in_docker(tmp_path, host=host) as bench,
    ):
        order = replace(bench.order("echo ran >> ran"), ranks=2)
        await bench.backend.launch([order])
        seen = await bench.reaches(order.run_id, Refused)
        assert (seen.reason.code, seen.busy) == ("network_refused", True)
        assert "A test says so. " in seen.reason.message and "default-address-pools" in seen.reason.message
        assert bench.lines("ran") == []


async def test_a_launch_that_meets_what_nobody_has_foreseen_is_told_and_leaves_no_run_waiting(tmp_path: Path) -> None:
    broken = True

    def kind_of(order: RunOrder) -> None:
        if broken:
            raise LookupError("no such device")

    async with opened_in_docker(tmp_path, kind_of=kind_of) as bench:
        order = bench.order("echo ran >> ran")
        await bench.backend.launch([order])
        seen = await bench.reaches(order.run_id, Refused)
        assert (seen.reason.code, seen.busy) == ("launch_failed", True)
        assert "LookupError: no such device." in seen.reason.message
        broken = False
        await bench.backend.launch([order])
        assert await bench.seen(order.run_id) == seen, "whoever was told so finds no run of it later"
        await bench.ended(await bench.launch("true"))
        assert bench.lines("ran") == []
