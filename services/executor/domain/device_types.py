"""What people call a device: the type that a job asks for, from what its driver calls the model.

The same model has the same type on every node, whatever its driver's version, slot or memory; who wants to tell two
of them apart names them (`JOBYARD_EXECUTOR_DEVICE_TYPES`).
"""

import re
from collections.abc import Mapping

_MAKERS = frozenset({"nvidia", "tesla", "geforce", "quadro", "grid", "gpu", "generation", "edition"})
"""Words that tell no two models of one machine apart."""

_FORM = re.compile(r"^(sxm\d*|pcie|nvl|fhhl|hbm\d\w*|\d+gb)$")
"""How it is built in, and with how much memory."""

_VARIANT = re.compile(r"^(\d+[a-z]+?)\d[\w-]*$")
"""Ascend 910B3 and 910B4-1 are of the family 910B, 310P3 of 310P."""

_REST = re.compile(r"[^a-z0-9._-]+")
_LONGEST = 63


def gpu_type(name: str, named: Mapping[str, str]) -> str:
    """`NVIDIA A100-SXM4-80GB` is `a100`, `NVIDIA GeForce RTX 3090` is `rtx-3090`."""
    words = [word for word in re.split(r"[\s-]+", name.lower()) if word not in _MAKERS and not _FORM.match(word)]
    return named.get(name) or _type("-".join(words), "gpu")


def npu_type(name: str, named: Mapping[str, str]) -> str:
    """`Ascend 910B3`, which some versions of npu-smi call `910B3`, is `ascend910b`; `Ascend 310P3` is `ascend310p`."""
    model = name.lower().removeprefix("ascend").strip()
    return named.get(name) or _type("ascend" + _VARIANT.sub(r"\1", model), "ascend")


def _type(text: str, otherwise: str) -> str:
    cleaned = _REST.sub("-", text).strip("._-")[:_LONGEST]
    return cleaned or otherwise
