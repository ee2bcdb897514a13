"""The devices of a node: which of each type there are, and by what numbers the libraries in a run know them.

A job is given the devices of one type by their indices, from 0 in the order of their drivers. A node has real devices
or simulated ones, never both, so that nobody takes the one for the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.contracts.base import Contract
from shared.contracts.job import CPU

Kind = Literal["gpu", "npu"]

_VISIBLE: Mapping[Kind, str] = {"gpu": "CUDA_VISIBLE_DEVICES", "npu": "ASCEND_RT_VISIBLE_DEVICES"}


class Device(Contract):
    """A real one. `number`: what its driver, and the libraries in a run, count it by."""

    kind: Kind
    id: str
    """Its own for as long as the machine runs: its address on the bus, or its NPU's and chip's ids."""
    number: int
    type: str
    lost: bool = False
    """It was there before, since the machine was started."""


@dataclass(frozen=True)
class Equipment:
    """All of a node's."""

    real: Mapping[str, tuple[Device, ...]] = field(default_factory=dict)
    simulated: Mapping[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> frozenset[tuple[str, int]]:
        """Types and indices of those that no run can use."""
        return frozenset(
            (device_type, index)
            for device_type, devices in self.real.items()
            for index, device in enumerate(devices)
            if device.lost
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each type."""
        return {device_type: len(devices) for device_type, devices in self.real.items()} | dict(self.simulated)

    def device(self, device_type: str, index: int) -> Device | None:
        """The real one that is given as this index; none if it is simulated."""
        devices = self.real.get(device_type, ())
        return devices[index] if 0 <= index < len(devices) else None

    def kind(self, device_type: str) -> Kind | None:
        """Of real devices; none where they are simulated, or there are none."""
        real = self.real.get(device_type)
        return real[0].kind if real else None

    def is_npu(self, device_type: str) -> bool:
        """Whether these are NPUs, also where they are simulated."""
        return device_type in self.counts and self._kind(device_type) == "npu"

    def numbers(self, device_type: str, indices: Iterable[int]) -> list[int]:
        """By what its driver counts the given ones, without those that are lost."""
        return [number for index in indices if (number := self._number(device_type, index)) is not None]

    def visible(self, device_type: str, indices: Iterable[int]) -> dict[str, str]:
        """The variables by which the devices' own libraries see the given ones, and no other device of the node."""
        hidden = dict.fromkeys(_VISIBLE.values(), "")
        if device_type == CPU:
            return hidden
        kind = self._kind(device_type)
        numbers = self.numbers(device_type, indices)
        order = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if kind == "gpu" else {}
        return hidden | order | {_VISIBLE[kind]: ",".join(map(str, numbers))}

    def _number(self, device_type: str, index: int) -> int | None:
        """None: the device is lost, and its number may be another's by now."""
        device = self.device(device_type, index)
        return index if device is None else None if device.lost else device.number

    def _kind(self, device_type: str) -> Kind:
        real = self.real.get(device_type)
        if real:
            return real[0].kind
        return "npu" if device_type.startswith("ascend") else "gpu"


def equipped(found: Iterable[Device], before: Iterable[Device] = ()) -> Equipment:
    """The real devices of a node, by type. Raises ValueError for a type that has GPUs and NPUs.

    `before`: those that an earlier process found on the running machine, by type and in their order. Runs may hold
    them, so each keeps its index, and one that is gone keeps its place.
    """
    there = {(device.kind, device.id): device for device in sorted(found, key=lambda one: (one.kind, one.number))}
    known = {(device.kind, device.id): device.model_copy(update={"lost": True}) for device in before}
    by_type: dict[str, tuple[Device, ...]] = {}
    for device in (known | there).values():
        alike = by_type.get(device.type, ())
        if alike and alike[0].kind != device.kind:
            raise ValueError(
                f"'{device.type}' would be the type of GPUs and of NPUs. Give one of them another name in "
                "JOBYARD_EXECUTOR_DEVICE_TYPES."
            )
        by_type[device.type] = (*alike, device)
    return Equipment(real=by_type)
