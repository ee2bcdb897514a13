"""Runs whose image has no shell, and whose command needs none: they start once more, without our scripts.

That an image has none is known when a node has tried to start in it. Then it is written down which pod is to go and
that the next one is made without scripts, and the pod is let go by its uid: nothing of the run has begun, so it waits,
and the launch that is repeated makes that next one. A pod of the first form that comes late goes the same way.
"""

import asyncio
from collections.abc import Sequence

import structlog

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.protocol import RunOrder
from services.executor.domain.pod_names import node_name
from services.executor.domain.pod_shell import ShellUse, needed_use, use_of
from services.executor.domain.pulling import Held

log = structlog.get_logger()

_SAID = "its image has no shell, so its command starts without one."
_DIGEST = "@sha256:"


class Direct:
    """Of all runs of one cluster."""

    def __init__(self, kept: Kept, pods: Pods) -> None:
        self._kept = kept
        self._pods = pods
        self._learnt: set[tuple[str, str]] = set()
        """Node and image: what was found there, of images whose content never changes. Another node finds it itself,
        so that one with a broken copy speaks for no other."""

    def starts(self, order: RunOrder, image: str) -> bool:
        """Whether the run's pod is made without our scripts."""
        known = self._kept.is_direct(order.run_id) or (node_name(order.node), image) in self._learnt
        return known and needed_use(order.argv, order.ranks) is ShellUse.SCRIPTS

    async def useless(self, run_id: str, found_none: bool) -> str | None:
        """The uid of the run's pod, if another is to take its place: it has `found_none` now, or had before, whatever
        it says since. Raises OSError when that cannot be written down: then it stays.
        """
        pod = self._pods.get(run_id)
        if pod is None or use_of(pod) is ShellUse.NONE:
            return None
        uid: str = pod["metadata"]["uid"]
        if self._kept.is_direct(run_id) and await asyncio.to_thread(self._kept.useless, run_id) == uid:
            return uid
        if not found_none:
            return None
        await asyncio.to_thread(self._kept.keep_direct, run_id, uid)
        self._learn(pod)
        log.info("run_goes_without_shell", run_id=run_id, image=pod["spec"]["containers"][0]["image"])
        return uid

    def held(self, run_ids: Sequence[str]) -> dict[str, Held]:
        """Those of these runs that wait for their next pod."""
        return {run_id: Held(_SAID) for run_id in run_ids if self._is_between(run_id)}

    def _is_between(self, run_id: str) -> bool:
        if not self._kept.is_direct(run_id) or self._kept.has_started(run_id) or self._kept.has_ended(run_id):
            return False
        pod = self._pods.get(run_id)
        return pod is None or use_of(pod) is not ShellUse.NONE

    def _learn(self, pod: Document) -> None:
        node, image = pod["spec"].get("nodeName"), str(pod["spec"]["containers"][0]["image"])
        if node is not None and _DIGEST in image:
            self._learnt.add((node, image))
