"""The devices of a node: which of each type there are, and by what numbers the libraries in a run know them.

A job is given the devices of one type by their indices, from 0 in the order of their drivers. A node has real devices
or simulated ones, never both, so that nobody takes the one for the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.contracts.job import CPU

Kind = Literal["gpu", "npu"]

_VISIBLE: Mapping[Kind, str] = {"gpu": "CUDA_VISIBLE_DEVICES", "npu": "ASCEND_RT_VISIBLE_DEVICES"}


@dataclass(frozen=True)
class Device:
    """A real one. `number`: what its driver, and the libraries in a run, count it by."""

    kind: Kind
    number: int
    type: str


@dataclass(frozen=True)
class Equipment:
    """All of a node's."""

    real: Mapping[str, tuple[Device, ...]] = field(default_factory=dict)
    simulated: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each type."""
        return {device_type: len(devices) for device_type, devices in self.real.items()} | dict(self.simulated)

    def device(self, device_type: str, index: int) -> Device | None:
        """The real one that was given as this index; none if it is simulated, or gone since."""
        devices = self.real.get(device_type, ())
        return devices[index] if 0 <= index < len(devices) else None

    def visible(self, device_type: str, indices: Iterable[int]) -> dict[str, str]:
        """The variables by which the devices' own libraries see the given ones, and no other device of the node."""
        hidden = dict.fromkeys(_VISIBLE.values(), "")
        if device_type == CPU:
            return hidden
        kind = self._kind(device_type)
        numbers = [device.number if (device := self.device(device_type, index)) else index for index in indices]
        order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if kind == "gpu" else {}
        return hidden | order | {_VISIBLE[kind]: ",".join(map(str, numbers))}

    def _kind(self, device_type: str) -> Kind:
        real = self.real.get(device_type)
        if real:
            return real[0].kind
        return "npu" if device_type.startswith("ascend") else "gpu"


def equipped(devices: Iterable[Device]) -> Equipment:
    """The real devices of a node, by type. Raises ValueError for a type that has GPUs and NPUs."""
    found: dict[str, tuple[Device, ...]] = {}
    for device in sorted(devices, key=lambda one: (one.kind, one.number)):
        alike = found.get(device.type, ())
        if alike and alike[0].kind != device.kind:
            raise ValueError(
                f"'{device.type}' would be the type of GPUs and of NPUs. Give one of them another name in "
                "JOBYARD_EXECUTOR_DEVICE_TYPES."
            )
        found[device.type] = (*alike, device)
    return Equipment(real=found)
