"""NVIDIA's GPUs, through NVML. Its bindings are imported only where its library is installed.

Every figure is asked for by itself, and one that the driver does not have, or no longer (a GPU that fell off the bus),
is None. Devices are numbered as CUDA numbers them with CUDA_DEVICE_ORDER=PCI_BUS_ID.
"""

import ctypes
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import structlog

from services.executor.domain.device_types import gpu_type
from services.executor.domain.equipment import Device
from services.executor.domain.gpu import GpuFacts

log = structlog.get_logger()

T = TypeVar("T")

LIBRARY = "libnvidia-ml.so.1"

_PERCENT = range(101)
_APART_US = 1_000_000
"""Samples of several processes, taken in one look, may be so far apart."""


def installed() -> bool:
    """Whether this machine has NVIDIA's driver; costs next to nothing where it has not."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


class Nvml:
    """The library, open for as long as the process lives: closing it would let the driver go to sleep."""

    def __init__(self) -> None:
        import pynvml

        self._nvml: Any = pynvml
        self._handles: dict[int, Any] = {}
        self._seen: dict[int, dict[int, int]] = {}
        """Of each GPU and process, when its last sample was taken, in microseconds."""
        self._complained: set[tuple[int, str]] = set()

    def find(self, named: Mapping[str, str]) -> tuple[Device, ...] | None:
        """All that can be used. None: the driver does not work; the log says why."""
        try:
            self._nvml.nvmlInit()
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError as error:
            log.warning("gpus_not_found", error=str(error))
            return None
        handles = [self._told(index, "handle", self._nvml.nvmlDeviceGetHandleByIndex, index) for index in range(count)]
        places = [(self._bus_id(index, handle), handle) for index, handle in enumerate(handles) if handle is not None]
        found = []
        for number, (bus_id, handle) in enumerate(sorted(places, key=lambda place: place[0])):
            self._handles[number] = handle
            if name := self._told(number, "name", self._nvml.nvmlDeviceGetName, handle):
                found.append(Device(kind="gpu", id=bus_id, number=number, type=gpu_type(name, named)))
        return tuple(found)

    def facts(self, numbers: Iterable[int]) -> dict[int, GpuFacts]:
        """What is known of these GPUs."""
        return {number: self._facts(number, handle) for number in numbers if (handle := self._handles.get(number))}

    def _facts(self, number: int, handle: Any) -> GpuFacts:
        nvml = self._nvml
        use = self._told(number, "utilization", nvml.nvmlDeviceGetUtilizationRates, handle)
        processes = self._told(number, "processes", nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
        return GpuFacts(
            utilization=use.gpu / 100 if use is not None and use.gpu in _PERCENT else None,
            memory_bytes=self._memory(number, handle),
            process_memory={process.pid: process.usedGpuMemory for process in processes},
            process_utilization=self._samples(number, handle),
        )

    def _memory(self, number: int, handle: Any) -> int | None:
        """Without what the driver keeps for itself, where it says so."""
        nvml = self._nvml
        memory = self._told(number, "memory_v2", nvml.nvmlDeviceGetMemoryInfo, handle, nvml.nvmlMemory_v2)
        memory = memory or self._told(number, "memory", nvml.nvmlDeviceGetMemoryInfo, handle)
        return int(memory.used) if memory is not None else None

    def _samples(self, number: int, handle: Any) -> dict[int, float]:
        """The newest sample of each process that has one since the last look."""
        seen = self._seen.get(number, {})
        since = max(max(seen.values(), default=0) - _APART_US, 0)
        samples = self._told(number, "samples", self._nvml.nvmlDeviceGetProcessUtilization, handle, since) or ()
        newest: dict[int, tuple[int, int]] = {}
        for sample in samples:
            newest[sample.pid] = max(newest.get(sample.pid, (0, 0)), (sample.timeStamp, sample.smUtil))
        self._seen[number] = {pid: at for pid, (at, _) in newest.items()} or seen
        fresh = {pid: use for pid, (at, use) in newest.items() if at > seen.get(pid, 0)}
        return {pid: use / 100 for pid, use in fresh.items() if use in _PERCENT}

    def _bus_id(self, index: int, handle: Any) -> str:
        """Where CUDA's order is from; a GPU that does not tell comes last."""
        info = self._told(index, "bus_id", self._nvml.nvmlDeviceGetPciInfo, handle)
        return str(info.busId) if info is not None else f"unknown-{index:02}"

    def _told(self, number: int, what: str, ask: Callable[..., T], *arguments: Any) -> T | None:
        """The answer; None, and one line in the log for each kind of refusal, if the driver has none."""
        try:
            return ask(*arguments)
        except self._nvml.NVMLError_NotFound:  # no process has used it lately
            return None
        except self._nvml.NVMLError as error:
            if (number, what) not in self._complained:
                self._complained.add((number, what))
                log.info("gpu_figure_unknown", gpu=number, figure=what, error=str(error))
            return None
