"""The rank table of a run on NPUs: how Huawei's communication library (HCCL) is told who computes with whom, and where.

Its form is version 1.0 of HCCL's `RANK_TABLE_FILE`, in which every value is a string. HCCL counts NPUs, not processes:
the first NPU of rank r has the number r times the NPUs of a rank.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VARIABLE = "RANK_TABLE_FILE"
"""By which a run finds its table."""


def file_name(run_id: str) -> str:
    """In the job's folder, which other jobs may have too."""
    return f"rank-table-{run_id}.json"


@dataclass(frozen=True)
class Npu:
    """`number`: what the driver counts it by. `address`: of its own network port, which other servers reach it at."""

    number: int
    address: str | None = None


@dataclass(frozen=True)
class Seat:
    """Where one rank is: a server, and its NPUs there."""

    server: str
    npus: tuple[Npu, ...]


def rank_table(seats: Sequence[Seat]) -> dict[str, Any]:
    """The table of a run's ranks, which are given in their order."""
    servers: dict[str, list[dict[str, str]]] = {}
    number = 0
    for seat in seats:
        for npu in seat.npus:
            address = {"device_ip": npu.address} if npu.address is not None else {}
            servers.setdefault(seat.server, []).append(
                {"device_id": str(npu.number), **address, "rank_id": str(number)}
            )
            number += 1
    listed = [{"server_id": server, "device": devices, "host_nic_ip": "reserve"} for server, devices in servers.items()]
    return {"version": "1.0", "server_count": str(len(listed)), "server_list": listed, "status": "completed"}


def addresses(lines: Iterable[str]) -> Mapping[int, str]:
    """Of `/etc/hccn.conf` (`address_0=192.168.100.101`): each NPU's, by its number. What is no address is left out."""
    found = {}
    for line in lines:
        name, _, value = line.strip().partition("=")
        number = name.strip().removeprefix("address_")
        if number != name.strip() and number.isascii() and number.isdecimal():
            try:
                found[int(number)] = str(ipaddress.ip_address(value.strip()))
            except ValueError:
                continue
    return found
