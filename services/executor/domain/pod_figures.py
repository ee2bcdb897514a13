"""What pods use, from the words of those who measure a cluster: kubelets, cAdvisor, Prometheus, devices' exporters.

Pure: documents and series in, figures by pod out. A figure that is missing, negative, beyond all bounds or no number is
not known; it is never zero. A job can serve series as well, with any labels, and be scraped: what such series say is of
its own pod at most, by the labels that Prometheus has put there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from services.executor.domain.figures import Figures
from services.executor.domain.pod_names import CONTAINER, is_pod_name
from services.executor.domain.reading import Reading

Pod = tuple[str, str]
"""Its namespace and its name."""

CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"
RECEIVED = "container_network_receive_bytes_total"
TRANSMITTED = "container_network_transmit_bytes_total"
READ = "container_fs_reads_bytes_total"
WRITTEN = "container_fs_writes_bytes_total"
CADVISOR = (CPU, MEMORY, RECEIVED, TRANSMITTED, READ, WRITTEN)
"""As a kubelet's cAdvisor calls them."""

GPU_USE = "DCGM_FI_DEV_GPU_UTIL"
GPU_MEMORY = "DCGM_FI_DEV_FB_USED"
NPU_USE = "npu_chip_info_utilization"
NPU_HBM = "npu_chip_info_hbm_used_memory"
NPU_MEMORY = "npu_chip_info_used_memory"
NPUS = frozenset({NPU_USE, NPU_HBM, NPU_MEMORY})
DEVICES = (GPU_USE, GPU_MEMORY, NPU_USE, NPU_HBM, NPU_MEMORY)
"""As NVIDIA's DCGM exporter and Ascend's NPU exporter call them: percents, and MiB."""

_MOST = 1 << 62
"""Of a figure. Whoever says more has measured nothing, and there are sums that no number holds."""
_MIB = 1 << 20
_NS = 1_000_000_000
_ON_CONTAINERS = frozenset({CPU, MEMORY, READ, WRITTEN})
Kind = Literal["gpu", "npu"]


@dataclass(frozen=True)
class Series:
    """One value as Prometheus tells it."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class PodFigures:
    """What is known of one pod. Counts are since its start; `devices` by kind and number, in that order."""

    cpu_ns: int | None = None
    memory_bytes: int | None = None
    receive_bytes: int | None = None
    transmit_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    devices: Mapping[tuple[Kind, str], Figures] = field(default_factory=dict)

    def joined(self, other: "PodFigures") -> "PodFigures":
        """What one of both knows; where both do, this."""
        known = {name: value for name, value in vars(self).items() if name != "devices" and value is not None}
        return replace(other, **known, devices={**other.devices, **self.devices})

    def reading(self, at_ns: int) -> Reading:
        counts = {name: value for name, value in vars(self).items() if name != "devices"}
        return Reading(at_ns=at_ns, **counts)


def of_summary(summary: Mapping[str, Any]) -> dict[Pod, PodFigures]:
    """From a kubelet's `/stats/summary`: all but block devices."""
    found = {}
    for each in summary.get("pods") or ():
        reference = each.get("podRef") or {}
        container: Mapping[str, Any] = next(
            (one for one in each.get("containers") or () if one.get("name") == CONTAINER), {}
        )
        network = each.get("network") or {}
        interfaces = network.get("interfaces") or [network]
        found[str(reference.get("namespace")), str(reference.get("name"))] = PodFigures(
            cpu_ns=_whole((container.get("cpu") or {}).get("usageCoreNanoSeconds")),
            memory_bytes=_whole((container.get("memory") or {}).get("workingSetBytes")),
            receive_bytes=_sum(_whole(one.get("rxBytes")) for one in interfaces),
            transmit_bytes=_sum(_whole(one.get("txBytes")) for one in interfaces),
        )
    return found


def of_series(series: Iterable[Series]) -> dict[Pod, PodFigures]:
    """From cAdvisor's series and those of devices' exporters, whoever has read them."""
    counts: dict[Pod, dict[str, float]] = {}
    devices: dict[Pod, dict[tuple[Kind, str], dict[str, float]]] = {}
    for each in series:
        pod = _pod(each)
        if pod is None or not 0 <= each.value < _MOST:  # NaN is not either
            continue
        if each.name in DEVICES:
            device = _device(each)
            devices.setdefault(pod, {}).setdefault(device, {})[each.name] = each.value
        elif each.name not in _ON_CONTAINERS or each.labels.get("container") == CONTAINER:
            known = counts.setdefault(pod, {})
            known[each.name] = known.get(each.name, 0.0) + each.value
    return {pod: _figures(counts.get(pod, {}), devices.get(pod, {})) for pod in counts.keys() | devices.keys()}


def _pod(series: Series) -> Pod | None:
    """The pod that a series is about. One that Prometheus has scraped of a pod of its own may have that in its place,
    and the pod meant under `exported_`; the NPU exporter says `pod_name`. Whoever asks has left out what was scraped of
    jobs and says `exported_namespace`.
    """
    labels = series.labels
    own, meant = labels.get("namespace"), labels.get("exported_namespace")
    name = labels.get("exported_pod") if meant else labels.get("pod")
    if series.name in NPUS and (said := labels.get("pod_name")):
        if not meant and said != name and is_pod_name(name or ""):
            return None  # a job's pod speaks of another one
        name = said
    namespace = meant or own
    return (namespace, name) if namespace and name else None


def _device(series: Series) -> tuple[Kind, str]:
    """A GPU that is divided is one device for each of its parts."""
    labels = series.labels
    if series.name in (GPU_USE, GPU_MEMORY):
        number = labels.get("gpu", "")
        return "gpu", f"{number.zfill(4)} {labels.get('GPU_I_ID', '')}"
    return "npu", labels.get("id", "").zfill(4)


def _figures(counts: Mapping[str, float], devices: Mapping[tuple[Kind, str], Mapping[str, float]]) -> PodFigures:
    return PodFigures(
        cpu_ns=_bounded(counts.get(CPU), _NS),
        memory_bytes=_bounded(counts.get(MEMORY)),
        receive_bytes=_bounded(counts.get(RECEIVED)),
        transmit_bytes=_bounded(counts.get(TRANSMITTED)),
        read_bytes=_bounded(counts.get(READ)),
        write_bytes=_bounded(counts.get(WRITTEN)),
        devices={device: _of_device(said) for device, said in sorted(devices.items())},
    )


def _of_device(said: Mapping[str, float]) -> Figures:
    """An NPU without memory of its own kind (HBM) says 0 there, and the other figure counts."""
    percent = said.get(GPU_USE, said.get(NPU_USE))
    mib = said.get(GPU_MEMORY, said.get(NPU_HBM) or said.get(NPU_MEMORY, said.get(NPU_HBM)))
    return Figures(
        utilization=None if percent is None else min(percent / 100, 1.0),
        memory_bytes=_bounded(mib, _MIB),
    )


def _bounded(value: float | None, unit: int = 1) -> int | None:
    return int(value * unit) if value is not None and value * unit < _MOST else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else None


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return _whole(sum(known)) if known else None
