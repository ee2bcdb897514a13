"""The devices of a node: counted by type, given by index, and seen in a run by the numbers of their own libraries."""

import pytest

from services.executor.domain.equipment import Device, Equipment, equipped

MIXED = equipped(
    [
        Device("gpu", 2, "t4"),
        Device("gpu", 0, "t4"),
        Device("gpu", 1, "a100"),
        Device("gpu", 3, "a100"),
        Device("npu", 5, "ascend910b"),
    ]
)
"""Two kinds of GPUs, whose slots alternate, and the only NPU that is left of eight."""


def test_devices_are_counted_by_type() -> None:
    assert MIXED.counts == {"a100": 2, "t4": 2, "ascend910b": 1}
    assert Equipment(simulated={"v100": 8}).counts == {"v100": 8}
    assert equipped([]).counts == {}


def test_an_index_counts_the_devices_of_one_type_in_the_order_of_their_driver() -> None:
    assert MIXED.device("a100", 0) == Device("gpu", 1, "a100")
    assert MIXED.device("a100", 1) == Device("gpu", 3, "a100")
    assert MIXED.device("t4", 1) == Device("gpu", 2, "t4")
    assert [MIXED.device("a100", index) for index in (2, -1)] == [None, None]
    assert Equipment(simulated={"v100": 8}).device("v100", 0) is None


def test_a_gpu_is_seen_by_the_number_that_cuda_gives_it_in_the_order_of_the_bus() -> None:
    assert MIXED.visible("a100", (0, 1)) == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "1,3",
        "ASCEND_RT_VISIBLE_DEVICES": "",
    }
    assert MIXED.visible("t4", (1,))["CUDA_VISIBLE_DEVICES"] == "2"


def test_an_npu_is_seen_by_its_logical_id_and_no_gpu_beside_it() -> None:
    assert MIXED.visible("ascend910b", (0,)) == {"ASCEND_RT_VISIBLE_DEVICES": "5", "CUDA_VISIBLE_DEVICES": ""}


def test_an_npu_that_is_named_like_a_gpu_stays_an_npu() -> None:
    named = equipped([Device("npu", 0, "big"), Device("npu", 1, "big")])
    assert named.visible("big", (1,)) == {"ASCEND_RT_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": ""}


def test_a_job_without_devices_sees_none() -> None:
    assert MIXED.visible("cpu", ()) == {"CUDA_VISIBLE_DEVICES": "", "ASCEND_RT_VISIBLE_DEVICES": ""}


def test_simulated_devices_are_shown_as_real_ones_would_be() -> None:
    simulated = Equipment(simulated={"v100": 8, "ascend910": 8})
    assert simulated.visible("v100", (0, 7))["CUDA_VISIBLE_DEVICES"] == "0,7"
    assert simulated.visible("ascend910", (4,))["ASCEND_RT_VISIBLE_DEVICES"] == "4"


def test_one_name_for_gpus_and_npus_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="Give one of them another name in JOBYARD_EXECUTOR_DEVICE_TYPES"):
        equipped([Device("gpu", 0, "fast"), Device("npu", 0, "fast")])
