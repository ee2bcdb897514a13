"""The engine's figures as a reading, from control groups of both versions."""

from services.executor.backends.docker.reading import reading_of
from services.executor.domain.reading import Reading

VERSION_1 = {
    "cpu_stats": {"cpu_usage": {"total_usage": 5_000}},
    "memory_stats": {"usage": 1_000, "stats": {"total_inactive_file": 100, "inactive_file": 7}},
    "blkio_stats": {
        "io_service_bytes_recursive": [
            {"op": "Read", "value": 10},
            {"op": "Write", "value": 20},
            {"op": "Read", "value": 1},
            {"op": "Sync", "value": 99},
        ]
    },
    "networks": {"eth0": {"rx_bytes": 3, "tx_bytes": 4}, "eth1": {"rx_bytes": 30, "tx_bytes": 40}},
}
VERSION_2 = {
    "cpu_stats": {"cpu_usage": {"total_usage": 6_000}},
    "memory_stats": {"usage": 900, "stats": {"inactive_file": 200}},
    "blkio_stats": {"io_service_bytes_recursive": [{"op": "read", "value": 2}, {"op": "write", "value": 5}]},
}


def test_both_versions_of_control_groups_are_read() -> None:
    assert reading_of(VERSION_1, 1) == Reading(1, 5_000, 900, 33, 44, "run", 11, 20)
    assert reading_of(VERSION_2, 2) == Reading(2, 6_000, 700, None, None, "run", 2, 5)


def test_what_the_engine_leaves_out_is_not_known() -> None:
    assert reading_of({}, 3) == Reading(3)
    assert reading_of({"blkio_stats": {"io_service_bytes_recursive": None}, "networks": None}, 4) == Reading(4)
