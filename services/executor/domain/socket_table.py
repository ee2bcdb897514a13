"""The kernel's table of TCP sockets (`/proc/net/tcp`, `/proc/net/tcp6`), as a pod's container shows it: pure."""

_LISTENING = "0A"
_HERE = frozenset(
    {
        "0100007F",
        "00000000",
        "00000000000000000000000000000000",
        "0000000000000000FFFF00000100007F",
        "0000000000000000FFFF000000000000",
    }
)
"""127.0.0.1, and what stands for every address, of either family, as an Intel or ARM machine writes them."""


def listens(table: str, port: int) -> bool | None:
    """Whether somebody is reached on this port at 127.0.0.1; None: on other addresses alone."""
    wanted, elsewhere = f"{port:04X}", False
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTENING:
            address, _, number = fields[1].partition(":")
            if number == wanted:
                if address in _HERE:
                    return True
                elsewhere = True
    return None if elsewhere else False
