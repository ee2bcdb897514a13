"""What runs write: each pod's log is copied to this disk, and copied to its end before the run counts as over.

Of a run whose hidden texts are not known nothing is stored, since nobody could mask them. A node that gives no log of a
run that has ended is asked for a while, and no longer, and no room on this disk is waited for: an end is told in any
case, and then the output says what it lacks.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import OUTPUT, Kept
from services.executor.backends.kubernetes.logs import LogMissing, NoRoom, PodLog
from services.executor.backends.kubernetes.output_file import OutputFile
from services.executor.backends.kubernetes.pods import Pods, path_of
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.ways import Ways

log = structlog.get_logger()

_AGAIN_S = 2.0
INCOMPLETE = "The end of the output may be missing: the node did not give it any more."
NO_ROOM = (
    "The end of the output is missing: there was no room for it where the platform keeps outputs. Ask an operator."
)


@dataclass(frozen=True)
class Written:
    """What a run has written that is over: bytes of its file, and when its last line was written (0: no line)."""

    size: int
    last_ns: int


class Outputs:
    """Of the runs of one cluster. `wrote` is called with the id of a run that has new output.

    `patience_s`: how long a node is asked for a log that it does not give.
    """

    def __init__(
        self,
        api: Api,
        kept: Kept,
        ways: Ways,
        pods: Pods,
        calls: Calls,
        hidden: HiddenTexts,
        wrote: Callable[[str], None],
        room: Room,
        patience_s: float,
    ) -> None:
        self._api = api
        self._kept = kept
        self._ways = ways
        self._pods = pods
        self._calls = calls
        self._hidden = hidden
        self._wrote = wrote
        self._room = room
        self._patience_s = patience_s
        self._logs: dict[str, PodLog] = {}
        self._followers: set[asyncio.Task[None]] = set()

    def path(self, run_id: str, child: str | None = None) -> Path:
        """See `protocol.Backend.output`."""
        return self._kept.path(run_id, OUTPUT) if child is None else self._ways.words(run_id, child)

    def follows(self, run_id: str) -> bool:
        """Whether its log is being copied."""
        return run_id in self._logs

    async def follow(self, run_id: str) -> None:
        """Copy from now on, if nobody does yet. Raises ClusterAway."""
        if self.follows(run_id):
            return
        copier = await self._log_of(run_id)
        if copier is not None and run_id not in self._logs:
            self._logs[run_id] = copier
            follower = copier.follow(f"log {run_id}")
            self._followers.add(follower)
            follower.add_done_callback(self._followed)

    async def finish(self, run_id: str, ended_ns: int, *, answers: bool = True, sentence: str | None = None) -> Written:
        """All that the pod has written is stored, or as much as there is.

        `answers`: whether its node can be asked for it. `sentence`: what the platform says at the end of the output.
        Raises ClusterAway, OSError.
        """
        copier = self._logs.get(run_id) or await self._log_of(run_id)
        if copier is not None:
            copier = self._logs.setdefault(run_id, copier)  # nobody follows it any more
        lacks = await self._lacks(run_id, copier) if copier is not None and answers else INCOMPLETE
        if copier is not None:
            file = await copier.give_up()
        else:
            file = await asyncio.to_thread(OutputFile, self.path(run_id), self._room)
        try:
            for each in filter(None, (lacks, sentence)):
                await asyncio.to_thread(file.add_sentence, max(ended_ns, file.position.time_ns), each)
        except OSError as error:
            log.warning("sentence_not_stored", run_id=run_id, error=str(error))
        self._logs.pop(run_id, None)
        return Written(file.size, file.position.time_ns)

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return tuple(self._followers)

    async def _lacks(self, run_id: str, copier: PodLog) -> str | None:
        """What the output of a run that has ended will never have, in a sentence; None: nothing. Raises ClusterAway."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience_s
        while True:
            try:
                await copier.finish()
                return None
            except LogMissing as error:
                log.warning("pod_log_missing", run_id=run_id, error=str(error))
                return INCOMPLETE
            except NoRoom as error:
                log.warning("output_not_stored", run_id=run_id, error=str(error))
                return NO_ROOM
            except ClusterAway as error:
                log.warning("pod_log_away", run_id=run_id, error=str(error))
            if await self._calls.read(run_id) is None or loop.time() > until:
                return INCOMPLETE
            await asyncio.sleep(_AGAIN_S)

    async def _log_of(self, run_id: str) -> PodLog | None:
        """None without a pod, and where nobody knows any more what is to be masked in its log. Raises ClusterAway."""
        pod = self._pods.get(run_id)
        if pod is None:
            return None
        try:
            hidden = await self._hidden.of(run_id, pod)
        except ApiError as error:
            log.warning("hidden_texts_unknown", run_id=run_id, error=str(error))
            if error.status == 404:
                return None
            raise ClusterAway(str(error)) from error
        return PodLog(self._api, path_of(pod), self.path(run_id), self._room, hidden, lambda: self._wrote(run_id))

    def _followed(self, follower: "asyncio.Task[None]") -> None:
        self._followers.discard(follower)
        if not follower.cancelled() and (error := follower.exception()) is not None:
            log.error("pod_log_failed", exc_info=error)
