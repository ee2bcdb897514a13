"""What a run has used by now, from what the engine says of its container: pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.executor.domain.reading import Reading


def reading_of(stats: Mapping[str, Any], at_ns: int) -> Reading:
    """Whatever the engine left out is not known: it differs between versions of control groups."""
    networks = (stats.get("networks") or {}).values()
    blocks = (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return Reading(
        at_ns=at_ns,
        cpu_ns=_number((stats.get("cpu_stats") or {}).get("cpu_usage") or {}, "total_usage"),
        memory_bytes=_memory(stats.get("memory_stats") or {}),
        receive_bytes=_sum(networks, "rx_bytes"),
        transmit_bytes=_sum(networks, "tx_bytes"),
        network_scope="run",
        read_bytes=_transferred(blocks, "read"),
        write_bytes=_transferred(blocks, "write"),
    )


def _memory(memory: Mapping[str, Any]) -> int | None:
    """Without what the kernel would drop first: version 1 counts it in `total_inactive_file`, 2 in `inactive_file`."""
    used, detail = _number(memory, "usage"), memory.get("stats") or {}
    inactive = _number(detail, "total_inactive_file")
    if inactive is None:
        inactive = _number(detail, "inactive_file")
    return None if used is None else max(0, used - (inactive or 0))


def _sum(parts: Iterable[Mapping[str, Any]], name: str) -> int | None:
    numbers = [number for part in parts if (number := _number(part, name)) is not None]
    return sum(numbers) if numbers else None


def _transferred(blocks: Iterable[Mapping[str, Any]], way: str) -> int | None:
    numbers = [
        number for each in blocks if each["op"].lower() == way and (number := _number(each, "value")) is not None
    ]
    return sum(numbers) if numbers else None


def _number(part: Mapping[str, Any], name: str) -> int | None:
    number = part.get(name)
    return number if isinstance(number, int) else None
