"""`npu-smi` as real machines have it: what it printed there, and a program that prints it again, fails or hangs."""

from dataclasses import dataclass
from pathlib import Path

RECORDED = Path(__file__).with_name("npu_smi")

USED = "dcmi model initialized failed, because the device is used. ret is -8020\n"
"""What it says, with the code 0 in some versions, where somebody else's container has the devices."""


def recorded(name: str) -> str:
    """`npu-smi info` of that machine, or `npu-smi info -m`; see npu_smi/README.md."""
    return (RECORDED / f"{name}.txt").read_text()


@dataclass(frozen=True)
class NpuSmiProgram:
    """A program of that name in `folder`. It prints the files beside it."""

    folder: Path

    def __post_init__(self) -> None:
        self.path.write_text(
            '#!/bin/sh\ncd "$(dirname "$0")"\ncase "$*" in\n'
            '  "info -m") cat mapping; exit "$(cat code)" ;;\n'
            '  info) [ -e hangs ] && { sleep 1000 & echo $$ $! >> hanging; wait; }; cat table; exit "$(cat code)" ;;\n'
            "esac\nexit 64\n"
        )
        self.path.chmod(0o755)
        self.says(table="", mapping="")

    @property
    def path(self) -> Path:
        return self.folder / "npu-smi"

    @property
    def pids(self) -> list[int]:
        """Of all that has hung: itself, and a program that it has started."""
        hanging = self.folder / "hanging"
        return [int(pid) for pid in hanging.read_text().split()] if hanging.exists() else []

    def says(self, table: str | None = None, mapping: str | None = None, code: int = 0) -> None:
        """From now on."""
        for name, text in (("table", table), ("mapping", mapping), ("code", str(code))):
            if text is not None:
                (self.folder / name).write_text(text)

    def hangs(self, does: bool = True) -> None:
        """Whether the table never comes."""
        if does:
            (self.folder / "hangs").touch()
        else:
            (self.folder / "hangs").unlink()
