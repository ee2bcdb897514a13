"""What devices were found is remembered while the machine runs, and a file that cannot be used costs no start."""

from pathlib import Path

import pytest

from services.executor.devices.memory import Memory
from services.executor.domain.equipment import Device

DEVICES = (
    Device(kind="gpu", id="00000000:3B:00.0", number=0, type="a100"),
    Device(kind="npu", id="5.0", number=1, type="ascend910b", lost=True),
)


def test_what_was_found_is_recalled_by_the_next_process(tmp_path: Path) -> None:
    Memory(tmp_path / "executor" / "devices.json", "boot").keep(DEVICES)
    assert Memory(tmp_path / "executor" / "devices.json", "boot").recall() == DEVICES


def test_nothing_of_an_earlier_start_of_the_machine_counts(tmp_path: Path) -> None:
    Memory(tmp_path / "devices.json", "boot").keep(DEVICES)
    assert Memory(tmp_path / "devices.json", "next").recall() == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"boot_id": "boot", "devices": [1]}', b"\xff"])
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "devices.json").write_bytes(content)
    assert Memory(tmp_path / "devices.json", "boot").recall() == ()


def test_a_folder_that_cannot_be_written_costs_no_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    memory = Memory(tmp_path / "file" / "devices.json", "boot")
    memory.keep(DEVICES)
    assert memory.recall() == ()
