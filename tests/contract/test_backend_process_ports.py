"""Ports of runs that are all in one network, the machine's own: each is a run's, another's, or nobody's."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from services.executor.backends.protocol import PortTaken
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child
from tests.support.benches import opened
from tests.support.executor_backend import Bench
from tests.support.listening import heard, listens, not_dialled
from tests.support.ports import free_port
from tests.support.streams import listening


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened("process", tmp_path) as bench:
        yield bench


async def test_a_port_of_the_machines_own_address_is_connected_to(bench: Bench) -> None:
    own = next(
        (
            address.address
            for addresses in psutil.net_if_addrs().values()
            for address in addresses
            if address.family == socket.AF_INET and not address.address.startswith(("127.", "169.254."))
        ),
        "127.0.0.2",
    )
    port = free_port()
    id = await listens(bench, port, own)
    assert await heard(await bench.backend.dial(id, port)) == f"hello from {id}"


async def test_whose_a_port_is_that_another_job_has_stands_in_no_sentence(
    bench: Bench,
) -> None:
    port = free_port()
    other, mine = await listens(bench, port), await bench.runs()
    refusal = await not_dialled(bench, mine, port)
    assert isinstance(refusal, PortTaken)
    assert refusal.run_id == other
    assert refusal.details == {"code": "port_taken", "holder": "another job"}
    assert other.partition(".")[0] not in refusal.message


async def test_a_port_of_a_program_outside_of_all_runs_is_refused(bench: Bench) -> None:
    id = await bench.runs()
    with listening("127.0.0.1") as port:
        refusal = await not_dialled(bench, id, port)
    assert refusal.details == {"code": "port_taken", "holder": "another program"}


async def test_a_port_that_two_jobs_share_leads_to_neither(bench: Bench) -> None:
    port = free_port()
    first, second = await listens(bench, port, also="shared"), await listens(bench, port, also="shared")
    for mine, other in ((first, second), (second, first)):
        refusal = await not_dialled(bench, mine, port)
        assert isinstance(refusal, PortTaken)
        assert refusal.run_id == other


async def test_a_port_that_is_one_jobs_everywhere_and_anothers_at_one_address_leads_to_neither(bench: Bench) -> None:
    port = free_port()
    first, second = await listens(bench, port, "0.0.0.0", "shared"), await listens(bench, port, also="shared")
    assert (await not_dialled(bench, first, port)).details["code"] == "port_taken"
    assert (await not_dialled(bench, second, port)).details["code"] == "port_taken"


async def test_a_folder_that_has_gone_lets_no_child_start(bench: Bench) -> None:
    """A container would still have it: it is mounted there."""
    id = await bench.runs()
    bench.folder.rename(bench.folder.with_name("elsewhere"))
    with pytest.raises(Conflict) as refusal:
        await bench.backend.exec(id, Child(argv=("true",)))
    assert refusal.value.details["code"] == "program_unusable"
