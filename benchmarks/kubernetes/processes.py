"""What a process takes of the machine: its memory, and the processor time that it has used."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    """Resident now."""
    return _status(pid, "VmRSS:")


def peak_mib(pid: int) -> float:
    """Resident at most since it started."""
    return _status(pid, "VmHWM:")


def cpu_s(pid: int) -> float:
    """Processor time in all, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _status(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
