"""GPUs that a test makes up: a library in NVML's place that says of them what drivers of real ones have said."""

import subprocess
from pathlib import Path

from services.executor.devices.nvidia import LIBRARY

SOURCE = Path(__file__).with_name("nvml.c")

V100S_AND_A_T4 = """\
0 bus 00000000:AF:00.0
0 name Tesla V100-SXM2-32GB
0 utilization 97
0 memory_v2 32119980032
0 process 4100 30064771072
0 process 4101 1610612736
0 sample 4100 1700000000000001 64
0 sample 4101 1700000000000002 30
1 bus 00000000:3B:00.0
1 name Tesla V100-SXM2-32GB
1 utilization 0
1 memory_v2 3145728
2 bus 00000000:5E:00.0
2 name Tesla T4
2 utilization 12
2 memory 1073741824
2 process 5200 N/A
2 sample !3
"""
"""NVML counts them in another order than the bus, by which CUDA does: 1, 2, 0. The T4's driver is an old one: it knows
neither reserved memory nor the use of each process, and not the memory of the one that runs there."""


class Gpus:
    """Compiles the library into `folder`; `environment` gives it to a program."""

    def __init__(self, folder: Path, says: str = V100S_AND_A_T4) -> None:
        self._replay = folder / "nvml.replay"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", folder / LIBRARY, SOURCE], check=True)
        self.environment = {"LD_LIBRARY_PATH": str(folder), "NVML_REPLAY": str(self._replay)}
        self.say(says)

    def say(self, says: str) -> None:
        """From now on, all at once."""
        fresh = self._replay.with_suffix(".new")
        fresh.write_text(says)
        fresh.replace(self._replay)

    def change(self, was: str, instead: str) -> None:
        """One line, or all of a device that begin so."""
        lines = self._replay.read_text().splitlines()
        assert any(line.startswith(was) for line in lines), was
        kept = [line for line in lines if not line.startswith(was)]
        self.say("\n".join([*kept, instead, ""]))
