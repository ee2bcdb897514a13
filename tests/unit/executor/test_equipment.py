"""The devices of a node: counted by type, given by index, and seen in a run by the numbers of their own libraries."""

import pytest

from services.executor.domain.equipment import Device, Equipment, equipped


def gpu(number: int, device_type: str, id: str | None = None) -> Device:
    return Device(kind="gpu", id=id or f"bus-{number}", number=number, type=device_type)


def npu(number: int, device_type: str) -> Device:
    return Device(kind="npu", id=f"{number}.0", number=number, type=device_type)


MIXED = equipped([gpu(2, "t4"), gpu(0, "t4"), gpu(1, "a100"), gpu(3, "a100"), npu(5, "ascend910b")])
"""Two kinds of GPUs, whose slots alternate, and the only NPU that is left of eight."""


def test_devices_are_counted_by_type() -> None:
    assert MIXED.counts == {"a100": 2, "t4": 2, "ascend910b": 1}
    assert Equipment(simulated={"v100": 8}).counts == {"v100": 8}
    assert equipped([]).counts == {}


def test_an_index_counts_the_devices_of_one_type_in_the_order_of_their_driver() -> None:
    assert MIXED.device("a100", 0) == gpu(1, "a100")
    assert MIXED.device("a100", 1) == gpu(3, "a100")
    assert MIXED.device("t4", 1) == gpu(2, "t4")
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
    named = equipped([npu(0, "big"), npu(1, "big")])
    assert named.visible("big", (1,)) == {"ASCEND_RT_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": ""}


def test_a_job_without_devices_sees_none() -> None:
    assert MIXED.visible("cpu", ()) == {"CUDA_VISIBLE_DEVICES": "", "ASCEND_RT_VISIBLE_DEVICES": ""}


def test_simulated_devices_are_shown_as_real_ones_would_be() -> None:
    simulated = Equipment(simulated={"v100": 8, "ascend910": 8})
    assert simulated.visible("v100", (0, 7))["CUDA_VISIBLE_DEVICES"] == "0,7"
    assert simulated.visible("ascend910", (4,))["ASCEND_RT_VISIBLE_DEVICES"] == "4"


def test_one_name_for_gpus_and_npus_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="Give one of them another name in JOBYARD_EXECUTOR_DEVICE_TYPES"):
        equipped([gpu(0, "fast"), npu(0, "fast")])


def test_a_device_that_is_gone_keeps_its_index_and_the_others_keep_theirs() -> None:
    before = equipped([gpu(0, "a100", "A"), gpu(1, "a100", "B"), gpu(2, "a100", "C")])
    after = equipped([gpu(0, "a100", "B"), gpu(1, "a100", "C")], before.real["a100"])
    assert after.counts == {"a100": 3}
    assert after.lost == {("a100", 0)}
    assert after.visible("a100", (1, 2))["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert after.visible("a100", (0,))["CUDA_VISIBLE_DEVICES"] == ""


def test_a_device_that_comes_back_or_is_new_takes_nobodys_index() -> None:
    before = equipped([gpu(0, "a100", "B")], [gpu(0, "a100", "A"), gpu(1, "a100", "B")])
    assert before.lost == {("a100", 0)}
    after = equipped([gpu(0, "a100", "0"), gpu(1, "a100", "A"), gpu(2, "a100", "B")], before.real["a100"])
    assert after.lost == frozenset()
    assert [device.id for device in after.real["a100"]] == ["A", "B", "0"]
