"""The table by which NPUs find one another: HCCL's own form, numbers that run on over ranks, no way out of the job."""

import json
from pathlib import Path

import pytest

from services.executor.domain.equipment import Device, Equipment
from services.executor.domain.rank_table import Npu, Seat, addresses, file_name, rank_table
from services.executor.rank_tables import RankTables
from tests.support.executor import assignment_of, view_of

HCCN = """address_0=192.168.100.101
netmask_0=255.255.255.0
address_1=192.168.100.102
address_2 = 192.168.100.103
address_3=no address
address_x=192.168.100.105
"""


def real(count: int) -> Equipment:
    """Whose numbers are not their indices."""
    devices = (Device(kind="npu", id=f"{index}.0", number=7 - index, type="ascend910") for index in range(count))
    return Equipment(real={"ascend910": tuple(devices)})


def test_the_table_has_hccls_form_and_counts_npus_over_all_ranks() -> None:
    seats = (
        Seat("node-a", (Npu(0, "192.168.100.101"), Npu(1, "192.168.100.102"))),
        Seat("node-b", (Npu(0, "192.168.101.101"), Npu(1, "192.168.101.102"))),
    )
    assert rank_table(seats) == {
        "version": "1.0",
        "server_count": "2",
        "server_list": [
            {
                "server_id": "node-a",
                "device": [
                    {"device_id": "0", "device_ip": "192.168.100.101", "rank_id": "0"},
                    {"device_id": "1", "device_ip": "192.168.100.102", "rank_id": "1"},
                ],
                "host_nic_ip": "reserve",
            },
            {
                "server_id": "node-b",
                "device": [
                    {"device_id": "0", "device_ip": "192.168.101.101", "rank_id": "2"},
                    {"device_id": "1", "device_ip": "192.168.101.102", "rank_id": "3"},
                ],
                "host_nic_ip": "reserve",
            },
        ],
        "status": "completed",
    }


def test_ranks_that_share_a_server_are_one_server_there() -> None:
    table = rank_table([Seat("node-a", (Npu(4),)), Seat("node-a", (Npu(2),))])
    assert table["server_count"] == "1"
    assert table["server_list"][0]["device"] == [
        {"device_id": "4", "rank_id": "0"},
        {"device_id": "2", "rank_id": "1"},
    ]


def test_addresses_are_read_as_huaweis_tools_write_them_and_what_is_none_is_left_out() -> None:
    found = {0: "192.168.100.101", 1: "192.168.100.102", 2: "192.168.100.103"}
    assert addresses(HCCN.splitlines()) == found


def test_a_run_finds_its_own_npus_by_the_numbers_and_addresses_that_the_driver_knows(tmp_path: Path) -> None:
    hccn = tmp_path / "hccn.conf"
    hccn.write_text("address_7=192.168.100.107\naddress_6=192.168.100.106\naddress_0=192.168.100.100\n")
    view = view_of(devices=(0, 1), ranks=2, device_type="ascend910")
    path = RankTables(real(2), hccn).write(assignment_of(view), tmp_path)
    assert path is not None
    (server,) = json.loads(path.read_text())["server_list"]
    assert server["device"] == [
        {"device_id": "7", "device_ip": "192.168.100.107", "rank_id": "0"},
        {"device_id": "6", "device_ip": "192.168.100.106", "rank_id": "1"},
    ]


@pytest.mark.parametrize(("devices", "device_type"), [((0, 1), "v100"), ((0,), "ascend910"), ((), "cpu")])
def test_gpus_and_one_npu_alone_need_no_table(tmp_path: Path, devices: tuple[int, ...], device_type: str) -> None:
    tables = RankTables(Equipment(simulated={"v100": 2, "ascend910": 2}))
    assert tables.write(assignment_of(view_of(devices=devices, device_type=device_type)), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_nothing_is_written_through_what_an_earlier_attempt_has_left_under_the_name(tmp_path: Path, link: str) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "job"
    folder.mkdir()
    secret.write_text("as it was")
    assignment = assignment_of(view_of(devices=(0, 1), device_type="ascend910"))
    name = file_name(assignment.run_id)
    for left in (name, f".{name}.new"):
        getattr(folder / left, link)(secret)
    path = RankTables(Equipment(simulated={"ascend910": 2})).write(assignment, folder)
    assert secret.read_text() == "as it was"
    assert path is not None and not path.is_symlink()
    assert json.loads(path.read_text())["status"] == "completed"
