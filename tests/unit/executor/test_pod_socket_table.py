"""Who listens in a pod, by the kernel's own table."""

import pytest

from services.executor.domain.socket_table import listens

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"


def line(address: str, state: str = "0A") -> str:
    return f"   0: {address}:46B9 {'0' * len(address)}:0000 {state} 00000000:00000000 00:00000000 00000000 1000 0 16 1"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("0100007F", True),
        ("00000000", True),
        ("0" * 32, True),
        ("0000000000000000FFFF00000100007F", True),
        ("0807097F", None),
        ("FEA9FEA9", None),
        ("0" * 24 + "01000000", None),
    ],
)
def test_a_program_is_reached_where_a_pod_is(address: str, found: bool | None) -> None:
    assert listens(f"{HEAD}\n{line(address)}\n", 0x46B9) is found


@pytest.mark.parametrize("table", ["", HEAD, f"{HEAD}\n{line('0100007F', '01')}", "nonsense\n\0\n: : : :", ": : : 0A"])
def test_connections_and_nonsense_listen_nowhere(table: str) -> None:
    assert listens(table, 0x46B9) is False
    assert listens(f"{HEAD}\n{line('0100007F')}\n", 80) is False
