"""The type of a device: one word that a person can ask for, the same on every node that has the model."""

import re

import pytest

from services.executor.domain.device_types import gpu_type, npu_type
from services.executor.settings import ExecutorSettings

FORM = re.compile(r"^[a-z0-9][a-z0-9._-]{0,62}$")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA A100-PCIE-40GB", "a100"),
        ("A100-SXM4-40GB", "a100"),
        ("Tesla V100-SXM2-32GB", "v100"),
        ("Tesla V100S-PCIE-32GB", "v100s"),
        ("Tesla V100-FHHL-16GB", "v100"),
        ("Tesla T4", "t4"),
        ("Tesla K80", "k80"),
        ("Tesla P100-PCIE-16GB", "p100"),
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100"),
        ("NVIDIA H100 NVL", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA GH200 480GB", "gh200"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA A10G", "a10g"),
        ("NVIDIA GeForce RTX 3090", "rtx-3090"),
        ("NVIDIA GeForce RTX 3080 Ti", "rtx-3080-ti"),
        ("GeForce GTX 960M", "gtx-960m"),
        ("NVIDIA RTX A6000", "rtx-a6000"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("Quadro P4000", "p4000"),
        ("NVIDIA TITAN V", "titan-v"),
        ("GRID V100-8Q", "v100-8q"),
    ],
)
def test_a_gpu_is_called_by_its_model_without_maker_slot_and_memory(name: str, expected: str) -> None:
    assert gpu_type(name, {}) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ascend 910B3", "ascend910b"),
        ("910B4-1", "ascend910b"),
        ("Ascend 910B2C", "ascend910b"),
        ("Ascend910", "ascend910"),
        ("Ascend 910A", "ascend910a"),
        ("910ProB", "ascend910prob"),
        ("Ascend 310P3", "ascend310p"),
        ("310", "ascend310"),
        ("Ascend910_9392", "ascend910_9392"),
    ],
)
def test_an_npu_is_called_by_its_family(name: str, expected: str) -> None:
    assert npu_type(name, {}) == expected


@pytest.mark.parametrize("name", ["", "NVIDIA", "Tesla ???", "日本", "cpu\n../x", "x" * 200, "-", "80GB"])
def test_whatever_a_driver_says_the_type_is_one_that_a_job_can_ask_for(name: str) -> None:
    for found in (gpu_type(name, {}), npu_type(name, {})):
        assert FORM.match(found) and found != "cpu"


def test_operators_name_models_that_they_want_to_tell_apart() -> None:
    text = "NVIDIA A100-SXM4-80GB=a100-80g, Ascend 910B3 = ascend910b3"
    named = ExecutorSettings.model_validate({"device_types": text}).device_types
    assert gpu_type("NVIDIA A100-SXM4-80GB", named) == "a100-80g"
    assert gpu_type("NVIDIA A100-SXM4-40GB", named) == "a100"
    assert npu_type("Ascend 910B3", named) == "ascend910b3"


@pytest.mark.parametrize("text", ["a100", "=a100", "Tesla T4=", "Tesla T4=T4", "Tesla T4=cpu", "Tesla T4=a b"])
def test_a_name_that_no_job_could_ask_for_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"needs a model and its type|is no device type"):
        ExecutorSettings.model_validate({"device_types": text})


@pytest.mark.parametrize("value", ["gpu", "yes", "1"])
def test_devices_are_looked_for_or_left_alone_and_nothing_else(value: str) -> None:
    with pytest.raises(ValueError, match="'auto' or 'none'"):
        ExecutorSettings.model_validate({"devices": value})
