"""Pods of runs that nobody has ordered, as far as this disk knows: an executor has left them that lost its own.

They are inside the fence (see `pod_fence`), so what they say of themselves is whole and does not contradict itself.
Each is known by its uid, since somebody else may have made one that says the same in another namespace.
"""

from collections.abc import Collection

from services.executor.backends.kubernetes.api import Document
from services.executor.domain import pod_names as names
from services.executor.domain import pod_states as states
from services.executor.domain.record import rank_of


class Remnants:
    """As the cluster last told them."""

    def __init__(self) -> None:
        self._pods: dict[str, Document] = {}
        self._ranks: dict[str, set[str]] = {}

    def take(self, rank_id: str, pod: Document) -> None:
        uid = pod["metadata"]["uid"]
        self._pods[uid] = pod
        self._ranks.setdefault(rank_id, set()).add(uid)

    def drop(self, uid: str) -> None:
        pod = self._pods.pop(uid, None)
        if pod is not None:
            rank_id = pod["metadata"]["annotations"][names.RUN]
            self._ranks[rank_id].discard(uid)
            if not self._ranks[rank_id]:
                del self._ranks[rank_id]

    def end(self, seen: set[str]) -> None:
        for uid in self._pods.keys() - seen:
            self.drop(uid)

    def ranks(self) -> Collection[str]:
        return tuple(self._ranks)

    def has(self, run_id: str) -> bool:
        """Whether there is one of any rank of the run."""
        return any(rank_of(rank_id)[0] == run_id for rank_id in self._ranks)

    def of(self, rank_id: str, namespace: str) -> list[Document]:
        """Those of a rank in the namespace of its virtual cluster."""
        pods = (self._pods[uid] for uid in self._ranks.get(rank_id, ()))
        return [pod for pod in pods if pod["metadata"]["namespace"] == namespace]


def is_held(pod: Document) -> bool:
    """Whether it is kept for an end that somebody is to store."""
    return names.FINALIZER in pod["metadata"].get("finalizers", ())


def has_ended(pod: Document, answers: bool) -> bool:
    """Whether its run is over. `answers`: its node does; else that is so when the cluster has given the pod up."""
    return not isinstance(states.verdict(pod, asked=False, answers=answers), states.Pending | states.Running)
