"""Writes the rank tables of runs on NPUs into their jobs' folders, where their pods wait for them.

Which NPUs a pod has is known once its node has admitted it, and is told in its annotations (see `pod_npus`). The table
is written once, when all ranks' are told; that it was is kept on this disk, so that the next executor process goes on
with those that were not, and leaves the others as the job has them. What cannot be read is said once, and waited for.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.executor import descent
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.looks import Looks
from services.executor.backends.kubernetes.pods import Pods, annotations_of
from services.executor.domain.pod_npus import ANNOTATION, Unreadable, seats
from services.executor.domain.rank_table import rank_table
from services.executor.domain.record import rank_id, rank_of

log = structlog.get_logger()

AGAIN_S = 5.0
"""After a disk that took none."""


@dataclass(frozen=True)
class _Wanted:
    """A table that is to be written. `npus`: of each rank."""

    path: Path
    ranks: Sequence[str]
    npus: int


class RankTables:
    """Of all runs of one cluster."""

    def __init__(self, kept: Kept, pods: Pods) -> None:
        self._kept = kept
        self._pods = pods
        self._looks = Looks(self._look)
        self._done: set[str] = set()
        """Runs of which nothing is to be written any more."""
        self._said: dict[str, str] = {}
        """What was last wrong with a run's."""

    async def close(self) -> None:
        await self._looks.close()

    def look_at(self, rank_id: str) -> None:
        """Its pod may be another than before."""
        run_id, _ = rank_of(rank_id)
        if run_id not in self._done and self._npus_of(rank_id) is not None:
            self._looks.at(run_id)

    def forget(self, rank_id: str) -> None:
        self._done.discard(rank_id)
        self._said.pop(rank_id, None)

    def under_way(self) -> Iterable["asyncio.Task[None]"]:
        return self._looks.under_way()

    async def _look(self, run_id: str) -> None:
        wanted = await asyncio.to_thread(self._wanted, run_id)
        if wanted is None:
            return
        told = [self._npus_of(each) for each in wanted.ranks]
        said = [each for each in told if each is not None]
        if len(said) < len(told):
            return
        try:
            text = json.dumps(rank_table(seats(said, wanted.npus)), indent=1)
            await asyncio.to_thread(self._write, run_id, wanted.path, text)
        except Unreadable as error:
            self._complain(run_id, f"the cluster's word on the NPUs of {error}")
        except OSError as error:
            self._complain(run_id, str(error))
            self._looks.later(run_id, AGAIN_S)

    def _npus_of(self, rank_id: str) -> str | None:
        """What the cluster says of them; none if it has not said it yet, or nobody needs it."""
        pod = self._pods.get(rank_id)
        return None if pod is None else annotations_of(pod).get(ANNOTATION)

    def _wanted(self, run_id: str) -> _Wanted | None:
        """None: it has its table, or needs none, or none any more. Touches the disk."""
        order = self._kept.order(run_id)
        facts = (order or {}).get("rank_table")
        if facts is None:
            return None
        ranks = [rank_id(run_id, rank) for rank in range(facts["ranks"])]
        if self._kept.has_table(run_id) or any(self._kept.end(each) is not None for each in ranks):
            self._done.add(run_id)
            return None
        return _Wanted(Path(facts["path"]), ranks, facts["npus"])

    def _write(self, run_id: str, path: Path, text: str) -> None:
        """Raises OSError."""
        descent.write(path, text)
        self._kept.keep_table(run_id)
        log.info("rank_table_written", run_id=run_id)

    def _complain(self, run_id: str, why: str) -> None:
        if self._said.get(run_id) != why:
            self._said[run_id] = why
            log.warning("rank_table_waits", run_id=run_id, reason=why)
