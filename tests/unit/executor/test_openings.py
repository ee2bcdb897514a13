"""Who has a port instead of the job is named only within one virtual cluster."""

import socket

import pytest

from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.protocol import PortTaken
from services.executor.openings import Channel, Openings
from shared.contracts.errors import Conflict
from shared.contracts.streams import OpenStream

MINE, HIS = "01KC0000000000000000000001", "01KC0000000000000000000002"
PORT = 8080


class Taken(ProcessBackend):
    """Every port is somebody else's."""

    def __init__(self, holder: str | None) -> None:
        self._holder = holder

    async def dial(self, run_id: str, port: int) -> socket.socket:
        raise PortTaken(port, self._holder)


async def refused(holder: str | None, vcs: dict[str, str]) -> Conflict:
    def issue(channel: Channel, run_id: str) -> str:
        raise AssertionError("no child is started")

    openings = Openings(Taken(holder), issue, vcs.get)
    near, far = socket.socketpair()
    with near, far, pytest.raises(Conflict) as refusal:
        await openings.near(near, OpenStream(job_id=MINE, attempt=1, rank=0, port=PORT))
    return refusal.value


async def test_a_job_of_the_same_virtual_cluster_is_named() -> None:
    refusal = await refused(f"{HIS}.1", {f"{MINE}.1": "lab", f"{HIS}.1": "lab"})
    assert refusal.details == {"code": "port_taken", "holder": f"job {HIS}"}
    assert HIS in refusal.message


@pytest.mark.parametrize(
    "vcs", [{f"{MINE}.1": "lab", f"{HIS}.1": "hidden"}, {f"{MINE}.1": "lab"}, {f"{HIS}.1": "lab"}, {}]
)
async def test_one_of_another_or_of_none_that_is_known_is_not(vcs: dict[str, str]) -> None:
    refusal = await refused(f"{HIS}.1", vcs)
    assert refusal.details == {"code": "port_taken", "holder": "another job"}
    assert HIS not in refusal.message


async def test_a_program_outside_of_all_runs_is_no_job() -> None:
    assert (await refused(None, {f"{MINE}.1": "lab"})).details["holder"] == "another program"
