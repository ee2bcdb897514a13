"""Tells the ranks of a run, once the pods of all are there, where they meet; their commands start no earlier.

A rank is there when its container runs. What is told lies in the job's folder, where the pods wait for it: the address
of rank 0, and for ranks on NPUs their table. Which NPUs a pod has is known once its node has admitted it, and is told
in its annotations (see `pod_npus`).

Each is written once. That it was is kept on this disk, so that the next executor process goes on with what was not,
and leaves the rest as the job has it. What keeps it from that is said once, and waited for.
"""

import asyncio
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.gathering import Gathering, kept_gathering
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.looks import Looks
from services.executor.backends.kubernetes.pods import Pods, annotations_of
from services.executor.domain import pod_names as names
from services.executor.domain.pod_npus import ANNOTATION, Unreadable, seats
from services.executor.domain.pod_status import container_state
from services.executor.domain.rank_table import rank_table
from services.executor.domain.record import rank_id, rank_of
from services.executor.storages import Storages
from shared import descent

log = structlog.get_logger()

AGAIN_S = 5.0
"""After a disk that took nothing."""


class Rendezvous:
    """Of all runs of one cluster."""

    def __init__(self, kept: Kept, pods: Pods, storages: Storages) -> None:
        self._kept = kept
        self._pods = pods
        self._storages = storages
        self._looks = Looks(self._look)
        self._said: dict[str, str] = {}
        """What was last wrong with a run's."""

    def look_at(self, rank_id: str) -> None:
        """Its pod may be another than before."""
        pod = self._pods.get(rank_id)
        if pod is not None and names.RANKS in annotations_of(pod) and not self._is_told(rank_id, pod):
            self._looks.at(rank_of(rank_id)[0])

    async def address(self, rank_id: str) -> str | None:
        """Where the rank was told to meet the others; rank 0 is there, and one alone meets nobody."""
        run_id, rank = rank_of(rank_id)
        return await asyncio.to_thread(self._kept.meeting, run_id) if rank else None

    def forget(self, rank_id: str) -> None:
        self._said.pop(rank_id, None)

    async def close(self) -> None:
        await self._looks.close()

    def _is_told(self, rank_id: str, pod: Document) -> bool:
        """Whether nothing is to be said any more. Touches no disk."""
        run_id, _ = rank_of(rank_id)
        waits_for_table = names.RANK_TABLE in annotations_of(pod) and not self._kept.has_table(run_id)
        return self._kept.has_met(run_id) and not waits_for_table

    async def _look(self, run_id: str) -> None:
        try:
            order = await asyncio.to_thread(self._kept.order, run_id) or {}
            if order.get("gathering") is not None:
                await self._tell(run_id, kept_gathering(order["gathering"]))
        except OSError as error:
            self._complain(run_id, str(error))
            self._looks.later(run_id, AGAIN_S)

    async def _tell(self, run_id: str, gathering: Gathering) -> None:
        """What can be told by now. Raises OSError."""
        ranks = [rank_id(run_id, rank) for rank in range(gathering.ranks)]
        pods = [pod for each in ranks if (pod := self._pods.get(each)) is not None]
        ends = any(self._kept.has_ended(each) or self._kept.is_to_stop(each) for each in ranks)
        if ends or len(pods) < len(ranks):
            return
        if gathering.table is not None and not self._kept.has_table(run_id):
            await self._seat(run_id, gathering.table, pods, gathering.npus)
        if not self._kept.has_met(run_id) and all(map(_is_there, pods)):
            await self._gather(run_id, gathering, pods)

    async def _seat(self, run_id: str, path: Path, pods: Sequence[Document], npus: int) -> None:
        """Write the table, once it is known who has which NPUs. Raises OSError."""
        said = [annotations_of(pod)[ANNOTATION] for pod in pods if ANNOTATION in annotations_of(pod)]
        if len(said) < len(pods):
            return
        try:
            text = json.dumps(rank_table(seats(said, npus)), indent=1)
        except Unreadable as error:
            self._complain(run_id, f"the cluster's word on the NPUs of {error}")
            return
        await self._storages.at(path, partial(descent.write, path, text))
        await asyncio.to_thread(self._kept.keep_table, run_id)
        log.info("rank_table_written", run_id=run_id)

    async def _gather(self, run_id: str, gathering: Gathering, pods: Sequence[Document]) -> None:
        """Say where they meet. Raises OSError."""
        address = gathering.host or str(pods[0]["status"]["podIP"])
        await self._storages.at(gathering.meeting, partial(descent.write, gathering.meeting, f"{address}\n"))
        await asyncio.to_thread(self._kept.keep_meeting, run_id, address)
        log.info("ranks_gathered", run_id=run_id, ranks=gathering.ranks)

    def _complain(self, run_id: str, why: str) -> None:
        if self._said.get(run_id) != why:
            self._said[run_id] = why
            log.warning("ranks_wait", run_id=run_id, reason=why)


def _is_there(pod: Document) -> bool:
    """Whether its container waits for the others, and stays."""
    leaves = bool(pod["metadata"].get("deletionTimestamp"))
    return not leaves and "running" in container_state(pod) and bool(pod["status"].get("podIP"))
