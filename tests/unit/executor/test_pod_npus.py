"""What a device plugin says of a pod's NPUs: taken if it is of the plugin's form and size, refused in words if not."""

import json
from typing import Any

import pytest

from services.executor.domain.pod_npus import LONGEST, Unreadable, seats
from services.executor.domain.rank_table import Npu, Seat, rank_table

DEVICE = {"device_id": "3", "device_ip": "192.168.100.103"}


def said(*devices: Any, server: Any = "10.0.0.7", **more: Any) -> str:
    return json.dumps({"pod_name": "0", "server_id": server, "devices": list(devices), **more})


def test_each_rank_has_its_npus_in_the_order_of_their_numbers() -> None:
    first = said({"device_id": "10", "device_ip": "192.168.100.110"}, DEVICE, super_pod_id=-1)
    second = said({"device_id": "0", "device_ip": ""}, {"device_id": "1", "super_device_id": "7"}, server="10.0.0.8")
    assert seats([first, second], 2) == [
        Seat("10.0.0.7", (Npu(3, "192.168.100.103"), Npu(10, "192.168.100.110"))),
        Seat("10.0.0.8", (Npu(0), Npu(1))),
    ]


def test_ranks_that_share_a_server_are_one_server_of_the_table() -> None:
    table = rank_table(seats([said(DEVICE), said({"device_id": "0"})], 1))
    assert table["server_count"] == "1"
    assert [(each["device_id"], each["rank_id"]) for each in table["server_list"][0]["device"]] == [
        ("3", "0"),
        ("0", "1"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 20_000, "no JSON"),
        ("[]", "server_id"),
        ("null", "server_id"),
        (said(DEVICE, server=7), "server_id"),
        (said(DEVICE, server=""), "server_id"),
        (said(DEVICE, server="10.0.0.7\n"), "server_id"),
        (said(DEVICE, server="x" * 65), "server_id"),
        (said(), "1 devices"),
        (said(DEVICE, DEVICE), "1 devices"),
        (json.dumps({"server_id": "10.0.0.7", "devices": {"0": DEVICE}}), "1 devices"),
        (said("3"), "device_id"),
        (said({"device_id": 3}), "device_id"),
        (said({"device_id": "03"}), "device_id"),
        (said({"device_id": "-1"}), "device_id"),
        (said({"device_id": "٣"}), "device_id"),
        (said({"device_id": "99999"}), "device_id"),
        (said({**DEVICE, "device_ip": "192.168.100"}), "device_ip"),
        (said({**DEVICE, "device_ip": 3232261223}), "device_ip"),
        (said({**DEVICE, "device_ip": None}), "device_ip"),
        (said(DEVICE, padding="x" * LONGEST), "characters"),
    ],
)
def test_what_is_of_another_form_is_no_table_and_the_rank_is_named(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=f"rank 1: .*{why}"):
        seats([said({"device_id": "0"}), text], 1)


def test_an_npu_that_two_ranks_or_one_rank_twice_are_said_to_have_is_not_believed() -> None:
    for ranks, npus in (([said(DEVICE), said(DEVICE)], 1), ([said(DEVICE, DEVICE)], 2)):
        with pytest.raises(Unreadable, match=r"NPU 3 of 10\.0\.0\.7 is given twice"):
            seats(ranks, npus)
