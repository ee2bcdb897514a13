"""The devices of this node, whoever made them: which there are, and what runs use of them just now.

Looking never holds up who looks. A driver that fails or hangs costs its figures, which are unknown then and never zero.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from services.executor.devices import ascend, nvidia
from services.executor.devices.ascend import NpuSmi
from services.executor.devices.memory import Memory
from services.executor.devices.nvidia import Nvml
from services.executor.devices.question import Latest, Question
from services.executor.domain.equipment import Device, Equipment, equipped
from services.executor.domain.figures import Figures
from services.executor.domain.gpu import GpuFacts, used_by
from services.executor.domain.holder import Holder
from services.executor.settings import ExecutorSettings
from shared.clock import Clock
from shared.contracts.metrics import Accelerator

log = structlog.get_logger()

T = TypeVar("T")

FIND_S = 30.0
"""A driver that sleeps takes a second or two for each device to wake up."""

GPU_WITHIN_S = 1.0
GPU_AGAIN_S = 60.0
NPU_EVERY_S, NPU_AGAIN_S, NPU_KEEP_S = 5.0, 60.0, 30.0


class Devices:
    """Those that were found. `read` may be called from any one thread at a time."""

    def __init__(
        self,
        equipment: Equipment,
        clock: Clock,
        nvml: Nvml | None = None,
        npu_smi: NpuSmi | None = None,
        gpu_within_s: float = GPU_WITHIN_S,
    ) -> None:
        self.equipment = equipment
        self._nvml = nvml
        self._npu_smi = npu_smi
        self._gpu_within_s = gpu_within_s
        self._gpus: Latest[dict[int, GpuFacts]] = Latest(clock, 0.0, GPU_AGAIN_S, gpu_within_s)
        self._npus: Latest[dict[int, Figures]] = Latest(clock, NPU_EVERY_S, NPU_AGAIN_S, NPU_KEEP_S)

    def read(self, holders: Sequence[Holder]) -> dict[str, tuple[Accelerator, ...]]:
        """What each of these runs uses of its real devices, by the indices that it was given.

        Waits for GPUs, `gpu_within_s` at most; NPUs are told of as `npu-smi` saw them last, up to NPU_KEEP_S ago.
        """
        held = {holder.run_id: self._held(holder) for holder in holders}
        every = [device for devices in held.values() for _, device in devices]
        gpus = self._facts([device.number for device in every if device.kind == "gpu" and not device.lost])
        npus = self._figures() if any(device.kind == "npu" for device in every) else {}

        def accelerator(holder: Holder, index: int, device: Device) -> Accelerator:
            if device.lost:
                used = Figures()
            elif device.kind == "gpu":
                used = used_by(gpus.get(device.number, GpuFacts()), holder.pids)
            else:
                used = npus.get(device.number, Figures())
            return Accelerator(
                kind=device.kind, device=index, utilization=used.utilization, memory_bytes=used.memory_bytes
            )

        return {
            holder.run_id: tuple(accelerator(holder, index, device) for index, device in held[holder.run_id])
            for holder in holders
            if held[holder.run_id]
        }

    def _held(self, holder: Holder) -> list[tuple[int, Device]]:
        given = ((index, self.equipment.device(holder.device_type, index)) for index in holder.devices)
        return [(index, device) for index, device in given if device is not None]

    def _facts(self, numbers: Sequence[int]) -> dict[int, GpuFacts]:
        nvml = self._nvml
        if nvml is None or not numbers:
            return {}
        return self._gpus.get(lambda: nvml.facts(numbers), self._gpu_within_s) or {}

    def _figures(self) -> dict[int, Figures]:
        return (self._npus.get(self._npu_smi.figures) if self._npu_smi is not None else None) or {}


def find(settings: ExecutorSettings, clock: Clock, memory: Memory, gpu_within_s: float = GPU_WITHIN_S) -> Devices:
    """This machine's own devices; where some are simulated, only these. Takes FIND_S for each driver at most.

    Raises ValueError when GPUs and NPUs have been given one name.
    """
    if settings.simulate or settings.devices == "none":
        return Devices(Equipment(simulated=settings.simulate), clock)
    nvml = Nvml() if nvidia.installed() else None
    program = ascend.installed()
    npu_smi = NpuSmi(program) if program else None
    gpus = _answered("nvml", lambda: nvml.find(settings.device_types)) if nvml is not None else ()
    npus = _answered("npu-smi", lambda: npu_smi.find(settings.device_types)) if npu_smi is not None else ()
    equipment = equipped((*gpus, *npus), memory.recall())
    if equipment.real:
        log.info("devices_found", devices=equipment.counts)
        memory.keep(device for devices in equipment.real.values() for device in devices)
    if equipment.lost:
        log.warning("devices_lost", devices=sorted(f"{device_type} {index}" for device_type, index in equipment.lost))
    return Devices(equipment, clock, nvml, npu_smi, gpu_within_s)


def _answered(driver: str, ask: Callable[[], tuple[T, ...] | None]) -> tuple[T, ...]:
    question = Question(ask)
    found = question.answer(FIND_S)
    if question.open:
        log.error("driver_hangs", driver=driver, seconds=FIND_S)
    return found or ()
