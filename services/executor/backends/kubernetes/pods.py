"""The pods of this executor as the cluster last told them: what the watch says, and what the API server answers.

Whoever may write labels can have a pod listed here; only what the fence lets in is known to anybody else. The fence
sees that a pod does not contradict itself; that its run was ordered, and in its namespace, is what is kept here.
"""

from collections.abc import Callable, Sequence

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.watching import Follower, Watch
from services.executor.domain import pod_names as names
from services.executor.domain.pod_fence import Fence, Foreign
from services.executor.domain.pod_npus import ANNOTATION, LONGEST
from services.executor.domain.pod_status import needed

log = structlog.get_logger()

_META = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "finalizers")


class Pods:
    """`changed` is called with a rank's id whenever its pod is another than before, or gone. `strangers` keeps what
    bears this executor's label and is no run's. `ordered_in`: the namespace that a run was ordered in; None: nowhere.
    """

    def __init__(
        self,
        api: Api,
        fence: Fence,
        strangers: Follower,
        changed: Callable[[str], None],
        ordered_in: Callable[[str], str | None],
    ) -> None:
        self._fence = fence
        self._strangers = strangers
        self._changed = changed
        self._ordered_in = ordered_in
        self._pods: dict[str, Document] = {}
        self._runs: dict[str, str] = {}
        """Those of the pods, by uid: a pod may cease to say whose it is."""
        self._known_before: dict[str, Document] = {}
        self._ignored: set[str] = set()
        selector = {"labelSelector": f"{names.EXECUTOR}={names.short_hash(fence.executor)}"}
        self.watch = Watch(api, "/api/v1/pods", selector, self)

    def get(self, run_id: str) -> Document | None:
        return self._pods.get(run_id)

    def all(self) -> Sequence[Document]:
        return tuple(self._pods.values())

    def forget(self, run_id: str) -> None:
        """The API server has said that there is none."""
        pod = self._pods.pop(run_id, None)
        if pod is not None:
            self._runs.pop(pod["metadata"]["uid"], None)
            self._changed(run_id)

    def take(self, pod: Document) -> None:
        """Newer than what is known, unless that has a later version. One that is not ours is ignored, and said once."""
        try:
            run_id = self._rank_of(pod)
        except Foreign as error:
            self._ignore(pod, error)
            self._strangers.take(pod)
            return
        known = self._pods.get(run_id)
        if known is None or _version(pod) >= _version(known):
            if known is not None:
                self._runs.pop(known["metadata"]["uid"], None)
            self._pods[run_id] = _needed(pod)
            self._runs[pod["metadata"]["uid"]] = run_id
            self._changed(run_id)

    def drop(self, pod: Document) -> None:
        uid = pod["metadata"]["uid"]
        self._ignored.discard(uid)
        self._strangers.drop(pod)
        if uid in self._runs:
            self.forget(self._runs[uid])

    def begin(self) -> None:
        self._known_before = dict(self._pods)
        self._strangers.begin()

    def end(self, seen: set[str]) -> None:
        """What was created while the list was read is not taken for gone."""
        for run_id, pod in self._known_before.items():
            if pod["metadata"]["uid"] not in seen and self._pods.get(run_id) is pod:
                self.forget(run_id)
        self._known_before = {}
        self._ignored &= seen
        self._strangers.end(seen)

    def _rank_of(self, pod: Document) -> str:
        """Raises Foreign. What was let in once stays the run's, also when that is being forgotten."""
        run_id = self._fence.rank_of(pod)
        if pod["metadata"]["uid"] not in self._runs and self._ordered_in(run_id) != pod["metadata"]["namespace"]:
            raise Foreign("no run of that name was ordered in its namespace")
        return run_id

    def _ignore(self, pod: Document, why: Foreign) -> None:
        meta = pod["metadata"]
        if meta["uid"] not in self._ignored:
            self._ignored.add(meta["uid"])
            log.warning("foreign_pod_ignored", namespace=meta["namespace"], pod=meta["name"], reason=str(why))


def path_of(pod: Document) -> str:
    """Where the API server has it."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def annotations_of(pod: Document) -> dict[str, str]:
    """Jobyard's own, and what the cluster says of its NPUs where the run needs that."""
    found: dict[str, str] = pod["metadata"].get("annotations", {})
    return found


def _version(pod: Document) -> int:
    return int(pod["metadata"]["resourceVersion"])


def _needed(pod: Document) -> Document:
    """The few fields that decisions need: a cluster has many pods."""
    meta, spec = pod["metadata"], pod.get("spec", {})
    container: Document = next((each for each in spec["containers"] if each["name"] == names.CONTAINER), {})
    limits = container.get("resources", {}).get("limits", {})
    said = {key: text for key, text in meta["annotations"].items() if key.startswith(names.PREFIX)}
    if names.RANK_TABLE in said and ANNOTATION in meta["annotations"]:
        said[ANNOTATION] = meta["annotations"][ANNOTATION][: LONGEST + 1]
    return {
        "metadata": {key: meta[key] for key in _META if key in meta} | {"annotations": said},
        "spec": {
            "nodeName": spec.get("nodeName"),
            "containers": [
                {
                    "image": container.get("image"),
                    "command": container.get("command", [])[:1],
                    "resources": {"limits": limits},
                }
            ],
        },
        "status": needed(pod.get("status", {})),
    }
