"""Figures as people read them, by the unit that the platform gives them."""

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_ZEBI = 1024**7

WHOLE = 1e15
"""Beyond it a number's last digits mean nothing."""

SUFFIXES = {"cores": "cores", "bytes": "", "bytes_per_second": "", "ratio": "", "": ""}
"""What stands behind the last of several figures of a unit."""


def figure(value: float, unit: str) -> str:
    """`1.02` cores, `301 MiB`, `1.5 MiB/s`, `47 %`; of anything else whole numbers in full, others with six digits."""
    if unit == "bytes":
        return size(value)
    if unit == "bytes_per_second":
        return f"{size(value)}/s"
    if unit == "ratio":
        return f"{value * 100:.0f} %"
    if unit == "cores":
        return f"{value:.2f}"
    return f"{int(value):,}" if value.is_integer() and abs(value) < WHOLE else f"{value:.6g}"


def size(value: float) -> str:
    """Bytes in the largest unit that leaves at least one: `0 B`, `512 B`, `1.5 KiB`, `301 MiB`.

    What no machine has, an integer too large for a float among it, is said to be so: `over 1 ZiB`.
    """
    if value > _ZEBI:
        return "over 1 ZiB"
    place = 0
    while value >= 1023.5 and place < len(_BINARY) - 1:
        value /= 1024
        place += 1
    return f"{value:.1f} {_BINARY[place]}" if place and value < 10 else f"{value:.0f} {_BINARY[place]}"
