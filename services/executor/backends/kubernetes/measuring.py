"""What runs in pods use: figures that are never waited for long, and read anew each `EVERY_S` where runs live.

Whoever measures is asked in parts (each node, or a Prometheus). A part that does not answer costs its own figures,
which are unknown then, and is asked again after a while. What a node says counts of its own pods alone.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.domain import pod_states as states
from services.executor.domain.holder import Holder
from services.executor.domain.pod_figures import Pod, PodFigures
from services.executor.domain.reading import Reading
from shared.contracts.metrics import Accelerator

log = structlog.get_logger()

EVERY_S = 5.0
AGAIN_S = 30.0
"""After a failure."""
PATIENCE_S = 1.0
"""So long figures are waited for; later ones are for the next reading."""
ANSWER_S = 15.0
KEPT_S = 45.0
"""Older figures are not told any more."""
AT_ONCE = 32


class Source(Protocol):
    """Who measures."""

    def parts(self, nodes: Collection[str]) -> Iterable[str]:
        """What has to be asked for the pods of these nodes, one by one; of a pod nobody else is believed."""

    async def read(self, part: str) -> dict[Pod, PodFigures]:
        """Raises ApiError, OSError, ValueError, KeyError."""


@dataclass
class _Latest:
    """What a part has said last, and when it is asked again."""

    figures: Mapping[Pod, PodFigures] = field(default_factory=dict)
    read_at: float = -KEPT_S
    due_at: float = 0.0
    failing: bool = False


class Measuring:
    """Of the runs of one cluster. Of two sources that know a figure, the first one counts."""

    def __init__(self, pods: Pods, sources: Sequence[Source]) -> None:
        self._pods = pods
        self._sources = sources
        self._latest: dict[tuple[int, str], _Latest] = {}
        self._asking: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._devices: dict[str, list[Accelerator]] = {}

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._asking.values())

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        """See `protocol.Backend.measure`. A run of which nothing is known now has a reading without figures."""
        living = {run_id: pod for run_id in run_ids if (pod := self._living(run_id)) is not None}
        await self._refresh({pod["spec"]["nodeName"] for pod in living.values()})
        now, at_ns = time.monotonic(), time.time_ns()
        fresh = {key: latest for key, latest in self._latest.items() if now - latest.read_at < KEPT_S}
        readings = {}
        for run_id, pod in living.items():
            name = (pod["metadata"]["namespace"], pod["metadata"]["name"])
            figures = PodFigures()
            for key in self._asked((pod["spec"]["nodeName"],)):
                if key in fresh:
                    figures = figures.joined(fresh[key].figures.get(name, PodFigures()))
            readings[run_id] = figures.reading(at_ns)
            self._devices[run_id] = [
                Accelerator(kind=kind, device=0, utilization=seen.utilization, memory_bytes=seen.memory_bytes)
                for (kind, _), seen in figures.devices.items()
            ]
        return readings

    def devices(self, holders: Sequence[Holder]) -> dict[str, tuple[Accelerator, ...]]:
        """What these runs use of their devices, by the last reading. Which of its devices is which, a pod does not
        tell: they are taken in the order of their numbers on the node.
        """
        return {
            holder.run_id: tuple(
                seen.model_copy(update={"device": index})
                for index, seen in zip(holder.devices, self._devices.get(holder.run_id, ()), strict=False)
            )
            for holder in holders
        }

    def forget(self, run_id: str) -> None:
        self._devices.pop(run_id, None)

    def _living(self, run_id: str) -> Document | None:
        pod = self._pods.get(run_id)
        return pod if pod is not None and isinstance(states.verdict(pod, asked=True), states.Running) else None

    async def _refresh(self, nodes: Collection[str]) -> None:
        """Ask who is due, and wait a moment for the answers."""
        now, asked = time.monotonic(), []
        for key in self._asked(nodes):
            if key not in self._asking and self._latest.setdefault(key, _Latest()).due_at <= now:
                task = asyncio.create_task(self._ask(key), name=f"figures {key[1]}")
                self._asking[key] = task
                asked.append(task)
        for key in [key for key, one in self._latest.items() if now - one.due_at > KEPT_S and key not in self._asking]:
            del self._latest[key]
        if asked:
            await asyncio.wait(asked, timeout=PATIENCE_S)

    def _asked(self, nodes: Collection[str]) -> list[tuple[int, str]]:
        """Who has to be asked for the pods of these nodes: by source, in their order, and part."""
        return [(number, part) for number, source in enumerate(self._sources) for part in source.parts(nodes)]

    async def _ask(self, key: tuple[int, str]) -> None:
        try:
            await self._read(self._sources[key[0]], key)
        finally:
            del self._asking[key]

    async def _read(self, source: Source, key: tuple[int, str]) -> None:
        latest = self._latest[key]
        try:
            async with self._at_once, asyncio.timeout(ANSWER_S):
                figures = await source.read(key[1])
        except (ApiError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if not latest.failing:
                log.warning("figures_unknown", source=type(source).__name__, part=key[1], error=str(error))
            latest.failing, latest.due_at = True, time.monotonic() + AGAIN_S
            return
        now = time.monotonic()
        latest.figures, latest.read_at, latest.due_at, latest.failing = figures, now, now + EVERY_S, False
