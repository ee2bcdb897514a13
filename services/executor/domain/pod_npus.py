"""Which NPUs a pod has, as Huawei's device plugin says it in an annotation once the pod's node has admitted it.

The annotation is JSON: `{"pod_name": "0", "server_id": "10.0.0.7", "devices": [{"device_id": "0", "device_ip":
"192.168.100.101"}]}`. Later plugins add more, which is not looked at. Whoever may change pods may write anything there,
so only what is of this form, and of the size that was asked for, gets into a rank table.
"""

import ipaddress
import re
from collections.abc import Sequence

from services.executor.domain.documents import parsed
from services.executor.domain.rank_table import Npu, Seat

ANNOTATION = "ascend.kubectl.kubernetes.io/ascend-910-configuration"
LONGEST = 32_768
"""Characters of it, several times as many as the NPUs of the largest server need."""

_SERVER = re.compile(r"[A-Za-z0-9.:_-]{1,64}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,3}")


class Unreadable(ValueError):
    """The annotation does not say which NPUs the pod has: in words, why not."""


def seats(said: Sequence[str], npus: int) -> list[Seat]:
    """Of a run's ranks, in their order, each of which has so many NPUs. Raises Unreadable."""
    found = []
    taken: set[tuple[str, int]] = set()
    for rank, text in enumerate(said):
        try:
            seat = _seat(text, npus)
        except Unreadable as error:
            raise Unreadable(f"rank {rank}: {error}") from error
        for npu in seat.npus:
            if (seat.server, npu.number) in taken:
                raise Unreadable(f"rank {rank}: NPU {npu.number} of {seat.server} is given twice")
            taken.add((seat.server, npu.number))
        found.append(seat)
    return found


def _seat(text: str, npus: int) -> Seat:
    """In the order of their numbers, as the driver counts them inside the pod. Raises Unreadable."""
    if len(text) > LONGEST:
        raise Unreadable(f"it has more than {LONGEST} characters")
    try:
        said = parsed(text)
    except ValueError as error:
        raise Unreadable("it is no JSON") from error
    server, devices = (said.get("server_id"), said.get("devices")) if isinstance(said, dict) else (None, None)
    if not isinstance(server, str) or not _SERVER.fullmatch(server):
        raise Unreadable("its server_id is none")
    if not isinstance(devices, list) or len(devices) != npus:
        raise Unreadable(f"it does not list {npus} devices")
    return Seat(server, tuple(sorted(map(_npu, devices), key=lambda npu: npu.number)))


def _npu(said: object) -> Npu:
    """An address may be missing or empty: not every server has a network of its NPUs'. Raises Unreadable."""
    number, address = (said.get("device_id"), said.get("device_ip", "")) if isinstance(said, dict) else (None, None)
    if not isinstance(number, str) or not _NUMBER.fullmatch(number):
        raise Unreadable("a device_id is no number")
    if not isinstance(address, str):
        raise Unreadable("a device_ip is no address")
    try:
        return Npu(int(number), str(ipaddress.ip_address(address)) if address else None)
    except ValueError as error:
        raise Unreadable("a device_ip is no address") from error
