"""What becomes of runs: each is taken as far as its pod has come, from what is known of the pod and kept here.

An end that is kept is the truth, whatever the cluster says later: a pod that lives then is deleted. It was made late,
by a request that was given up, or others have put something beside the run that goes on. A pod counts as gone only when
its run is known to have started and the API server itself, asked then, has none.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.direct import Direct
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.looks import Looks
from services.executor.backends.kubernetes.outputs import Outputs
from services.executor.backends.kubernetes.patience import Patience
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.resuming import Resuming
from services.executor.domain import pod_states as states
from services.executor.domain.observation import Cancelled, Ended, Lost, Observation, Refused, Started, Waiting
from services.executor.domain.pod_ends import Over
from services.executor.domain.pod_obstacles import Obstacle
from services.executor.domain.pod_status import lives
from shared.contracts.job import Reason

log = structlog.get_logger()

POD_GONE = Reason(code="pod_gone", message="The run's pod was removed from the cluster before its result was stored.")


class Observing:
    """`patience_s`: what a pod that is kept from starting is given for it; `start_s`: one that is not, from when its
    node has taken it. `answers`: whether a node does, by its name.
    """

    def __init__(
        self,
        kept: Kept,
        pods: Pods,
        calls: Calls,
        outputs: Outputs,
        concluding: Concluding,
        ending: Ending,
        direct: Direct,
        patience_s: float,
        start_s: float,
        answers: Callable[[str], bool],
    ) -> None:
        self._kept = kept
        self._pods = pods
        self._calls = calls
        self._outputs = outputs
        self._concluding = concluding
        self._direct = direct
        self._answers = answers
        self._looks = Looks(self._look)
        self.resuming = Resuming(kept, self.look_at)
        self._patience = Patience(kept, pods, ending, patience_s, start_s, self._looks.later)
        self.outlived: set[str] = set()
        """Runs whose pods are to go and could not be deleted, since the run is over, or is to have another: the sweep
        looks again."""

    async def close(self) -> None:
        await self._looks.close()

    def look_at(self, run_id: str) -> None:
        """Its pod may be another than before."""
        if not self._goes_on(run_id):
            self._looks.at(run_id)

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        """Of many at once, most of which go on. Raises OSError."""
        ended = [run_id for run_id in run_ids if self._kept.has_ended(run_id)]
        ends = await asyncio.to_thread(lambda: {run_id: self._kept.end(run_id) for run_id in ended}) if ended else {}
        return {run_id: ends.get(run_id) or self._observe(run_id) for run_id in run_ids}

    def verdict(self, run_id: str) -> states.Verdict | None:
        """What its pod's status says; none without a pod."""
        pod = self._pods.get(run_id)
        if pod is None:
            return None
        node = pod["spec"].get("nodeName")
        return states.verdict(pod, self._kept.is_to_stop(run_id), node is None or self._answers(node))

    def forget(self, run_id: str) -> None:
        self._patience.forget(run_id)
        self.outlived.discard(run_id)

    def _observe(self, run_id: str) -> Observation:
        """A start counts from when it is kept: what is told of one, the next process knows too."""
        told = self._concluding.told
        if not self._goes_on(run_id):
            self._looks.at(run_id)
            if (started := self._started(run_id)) is not None:
                return told.setdefault(run_id, started)
        return told.get(run_id, Waiting())

    def _started(self, run_id: str) -> Started | None:
        """None: it does not run, or the next process would not know of its start."""
        if not self._kept.has_started(run_id) or self._kept.has_ended(run_id):
            return None
        verdict = self.verdict(run_id)
        return Started(verdict.started_ns) if isinstance(verdict, states.Running) else None

    def _goes_on(self, run_id: str) -> bool:
        """It runs, and its log is copied or will be: a look would find nothing to do. Touches no disk."""
        if not self._outputs.follows(run_id) and not self.resuming.waits(run_id):
            return False
        started = self._started(run_id)
        if started is None:
            return False
        self._patience.forget(run_id)
        self._concluding.tell(run_id, started)
        return True

    async def _look(self, run_id: str) -> None:
        """Raises ClusterAway."""
        ended = self._kept.has_ended(run_id)
        if self._kept.namespace(run_id) is None:
            return  # it is forgotten, and its pod's last word is nobody's business
        if ended:
            await self._clear(run_id)
        else:
            await self._advance(run_id)

    async def _clear(self, run_id: str) -> None:
        """What the cluster has of a run that is over does not live, and is let go. Raises ClusterAway."""
        pod = self._pods.get(run_id)
        if pod is not None and lives(pod) and not pod["metadata"].get("deletionTimestamp"):
            self.outlived.add(run_id)
            await self._calls.delete(pod)
            log.warning("outliving_pod_deleted", run_id=run_id)
        self.outlived.discard(run_id)
        await self._calls.release(run_id)

    async def _advance(self, run_id: str) -> None:
        """Take the run as far as its pod has come. Raises ClusterAway."""
        verdict = self.verdict(run_id)
        if verdict is None:
            await self._missed(run_id)
        elif (useless := await self._useless(run_id, verdict)) is not None:
            self._patience.forget(run_id)
            self.outlived.add(run_id)
            await self._calls.discard(run_id, useless)
            self.outlived.discard(run_id)
        elif isinstance(verdict, states.Pending):
            await self._patience.bear(run_id, verdict.obstacle)
        elif isinstance(verdict, states.Running):
            self._patience.forget(run_id)
            if not self._kept.has_started(run_id):
                await asyncio.to_thread(self._kept.keep_start, run_id, verdict.started_ns)
            await self._outputs.follow(run_id)
            self._concluding.tell(run_id, Started(verdict.started_ns))
        elif isinstance(verdict, Over):
            await self._over(run_id, verdict)
        elif isinstance(verdict, states.NeverStarted):
            end = await asyncio.to_thread(self._never, run_id, verdict.obstacle)
            if isinstance(end, Lost):
                await self._outputs.finish(run_id, time.time_ns())
            await self._concluding.conclude(run_id, end)
        elif isinstance(verdict, states.Taken):
            await self._outputs.finish(run_id, time.time_ns(), answers=verdict.answers)
            await self._concluding.conclude(run_id, Lost(verdict.reason))
        elif self._kept.has_started(run_id) or isinstance(verdict, states.WithoutShell):
            await self._gone(run_id)
        else:
            await self._concluding.conclude(run_id, Cancelled(verdict.at_ns))

    async def _useless(self, run_id: str, verdict: states.Verdict) -> str | None:
        """Its pod's uid, if that has found no shell and another is to take its place; nothing has begun then."""
        if self._kept.has_started(run_id) or isinstance(verdict, states.Running | Over | states.Buried):
            return None
        return await self._direct.useless(run_id, found_none=isinstance(verdict, states.WithoutShell))

    async def _missed(self, run_id: str) -> None:
        """No pod is known: it was never made, or it is gone. Raises ClusterAway."""
        started = self._kept.has_started(run_id)
        if (started or run_id in self._concluding.told) and await self._calls.read(run_id) is None:
            await self._gone(run_id)

    async def _gone(self, run_id: str) -> None:
        """Nobody is there any more who could give the rest of its output. Raises ClusterAway."""
        if self._kept.has_started(run_id):
            await self._outputs.finish(run_id, time.time_ns(), answers=False)
        await self._concluding.conclude(run_id, Lost(POD_GONE))

    def _never(self, run_id: str, obstacle: Obstacle) -> Observation:
        """How a run is to be called that ended without having begun: stopped, given up, or refused by the node.

        A node that has lost a container says so too of one that has run.
        """
        if self._kept.has_started(run_id):
            return Lost(obstacle.reason)
        asked = self._kept.stop_of(run_id)
        if asked is None:
            return Refused(obstacle.reason, busy=obstacle.busy, own=obstacle.own)
        if "refused" in asked:
            reason = Reason.model_validate(asked["refused"])
            return Refused(reason, busy=asked["busy"], own=asked.get("own", False))
        return Cancelled(asked["at_ns"])

    async def _over(self, run_id: str, over: Over) -> None:
        sentence = over.reason.message if over.reason is not None else None
        written = await self._outputs.finish(run_id, over.ended_ns, sentence=sentence)
        asked = await asyncio.to_thread(self._kept.stop_of, run_id) or {}
        if over.stopped and "refused" in asked:  # it was given up, and began in the last moment
            await self._concluding.conclude(run_id, Lost(Reason.model_validate(asked["refused"])))
            return
        end = Ended(
            started_ns=over.started_ns,
            ended_ns=max(over.ended_ns, written.last_ns),
            exit_code=over.exit_code,
            signal=over.signal,
            stopped=over.stopped,
            forced=over.forced,
            output_bytes=written.size,
        )
        await self._concluding.conclude(run_id, end)
