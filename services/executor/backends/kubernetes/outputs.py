"""What runs write: each pod's log is copied to this disk, and copied to its end before the run counts as over.

Of a run whose hidden texts are not known nothing is stored, since nobody could mask them.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import OUTPUT, Kept
from services.executor.backends.kubernetes.logs import OutputFile, PodLog, add_sentence
from services.executor.backends.kubernetes.pods import Pods, path_of
from services.executor.backends.kubernetes.ways import Ways


class Outputs:
    """Of the runs of one cluster. `wrote` is called with the id of a run that has new output."""

    def __init__(
        self, api: Api, kept: Kept, ways: Ways, pods: Pods, hidden: HiddenTexts, wrote: Callable[[str], None]
    ) -> None:
        self._api = api
        self._kept = kept
        self._ways = ways
        self._pods = pods
        self._hidden = hidden
        self._wrote = wrote
        self._logs: dict[str, tuple[PodLog, asyncio.Task[None]]] = {}

    def path(self, run_id: str, child: str | None = None) -> Path:
        """See `protocol.Backend.output`."""
        return self._kept.path(run_id, OUTPUT) if child is None else self._ways.words(run_id, child)

    async def follow(self, run_id: str) -> None:
        """Copy from now on, if nobody does yet. Raises ClusterAway."""
        pod = self._pods.get(run_id)
        if run_id in self._logs or pod is None:
            return
        copier = await self._log_of(run_id, pod)
        self._logs[run_id] = (copier, asyncio.get_running_loop().create_task(copier.follow(), name=f"log {run_id}"))

    async def finish(self, run_id: str) -> int:
        """All that the pod has written is stored; how large the file is. Raises ClusterAway."""
        pod = self._pods.get(run_id)
        copier, task = self._logs.get(run_id, (None, None))
        if task is not None:
            await asyncio.wait((task,))
        if copier is None and pod is not None:
            copier = await self._log_of(run_id, pod)
        size = await copier.finish() if copier is not None else 0
        self._logs.pop(run_id, None)
        return size

    def last_line_ns(self, run_id: str) -> int:
        """When it wrote its last line that is stored. Touches the disk."""
        return OutputFile(self.path(run_id)).position.time_ns

    def add_sentence(self, run_id: str, time_ns: int, sentence: str) -> int:
        """See `logs.add_sentence`. Touches the disk."""
        return add_sentence(self.path(run_id), time_ns, sentence)

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(task for _, task in self._logs.values())

    async def _log_of(self, run_id: str, pod: Document) -> PodLog:
        """Raises ClusterAway while nobody knows what is to be masked in it."""
        try:
            hidden = await self._hidden.of(run_id, pod)
        except ApiError as error:
            raise ClusterAway(str(error)) from error
        return PodLog(self._api, path_of(pod), self.path(run_id), hidden, lambda: self._wrote(run_id))
