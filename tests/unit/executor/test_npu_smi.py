"""The tables of `npu-smi`, as real devices of several generations and versions gave them, and as broken ones do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.figures import Figures
from services.executor.domain.npu_smi import Mapped, figures, mapping
from tests.support.npus import USED, recorded

MIB = 1 << 20

RECORDED = {
    "310": {(1, 0): Figures(0.0, 2621 * MIB), (1, 1): Figures(0.0, 2621 * MIB)},
    "310_board": {(0, 0): Figures(0.0, 5324 * MIB)},
    "310p3": {(1792, 0): Figures(0.0, 1821 * MIB), (1792, 1): Figures(0.0, 1041 * MIB)},
    "910a": {(npu, 0): Figures(0.0, 0) for npu in (4, 5, 6, 7)},
    "910b3": {(0, 0): Figures(0.0, 3445 * MIB), (5, 0): Figures(0.12, 60156 * MIB)},
    "910_two_chips": {
        (0, 0): Figures(1.0, 59807 * MIB),
        (0, 1): Figures(0.6, 59536 * MIB),
        (5, 0): Figures(0.0, 3140 * MIB),
    },
}


@pytest.mark.parametrize("machine", RECORDED)
def test_each_generations_table_is_read(machine: str) -> None:
    assert figures(recorded(machine)) == RECORDED[machine]


def test_the_mapping_gives_each_chip_its_logical_id_and_leaves_the_management_chips_out() -> None:
    assert mapping(recorded("910b3_mapping")) == (
        Mapped((0, 0), 0, "Ascend 910B3"),
        Mapped((5, 0), 1, "Ascend 910B3"),
    )


def test_a_mapping_with_physical_ids_is_read_by_its_logical_ones() -> None:
    assert mapping(recorded("910_two_chips_mapping")) == (
        Mapped((0, 0), 0, "Ascend910"),
        Mapped((0, 1), 1, "Ascend910"),
        Mapped((5, 0), 2, "Ascend910"),
    )


@pytest.mark.parametrize(
    ("was", "instead", "expected"),
    [
        ("12          0    / 0          60156/ 65536", "NA          0    / 0          60156/ 65536", (None, 60156)),
        ("12          0    / 0          60156/ 65536", "-           0    / 0          60156/ 65536", (None, 60156)),
        ("12          0    / 0          60156/ 65536", "12          0    / 0          NA   / 65536", (0.12, None)),
        ("12          0    / 0          60156/ 65536", "12          NA   / NA         NA   / NA   ", (0.12, None)),
        ("12          0    / 0          60156/ 65536", "4294967295  0    / 0          60156/ 65536", (None, 60156)),
        ("12          0    / 0          60156/ 65536", "NA", (None, None)),
    ],
)
def test_a_figure_that_is_missing_is_unknown_and_the_others_are_read(
    was: str, instead: str, expected: tuple[float | None, int | None]
) -> None:
    text = recorded("910b3")
    assert was in text
    use, memory = expected
    assert figures(text.replace(was, instead)) == {
        (0, 0): Figures(0.0, 3445 * MIB),
        (5, 0): Figures(use, memory * MIB if memory is not None else None),
    }


@pytest.mark.parametrize("health", ["Warning", "Alarm", "Critical", "UNKNOWN"])
def test_a_sick_device_is_read_like_any_other(health: str) -> None:
    text = recorded("910b3").replace("| OK            |", f"| {health:<13} |")
    assert figures(text) == RECORDED["910b3"]


def test_lines_of_errors_and_a_lost_chips_missing_row_cost_that_chip_alone() -> None:
    lines = recorded("910b3").splitlines()
    lost = [line for line in lines if "0000:C1:00.0" not in line]
    lost.insert(6, "[ERROR] dcmi_get_device_logic_id failed. err is -8012.")
    assert figures("\n".join(lost)) == {(5, 0): Figures(0.12, 60156 * MIB)}


@pytest.mark.parametrize("text", ["", USED, "dcmi module initialize failed. ret is -8005\n", "Segmentation fault\n"])
def test_an_error_instead_of_a_table_has_no_devices(text: str) -> None:
    assert figures(text) == {}
    assert mapping(text) == ()


@given(st.text(alphabet="|+=-/ 0123456789NA.\nAICore(%)HBM", max_size=400))
def test_no_text_is_too_broken_to_be_read(text: str) -> None:
    for found in figures(recorded("910b3").replace("| 5     910B3", text + "\n| 5     910B3")).values():
        assert found.utilization is None or 0 <= found.utilization <= 1
        assert found.memory_bytes is None or found.memory_bytes >= 0
    mapping(text)
