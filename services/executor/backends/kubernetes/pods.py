"""The pods of this executor as the cluster last told them: what the watch says, and what the API server answers."""

from collections.abc import Callable, Sequence

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.watching import Watch
from services.executor.domain import pod_names as names

_META = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "annotations",
    "finalizers",
)
_STATUS = ("phase", "reason", "message", "podIP", "conditions", "containerStatuses")


class Pods:
    """`changed` is called with a rank's id whenever its pod is another than before, or gone."""

    def __init__(self, api: Api, executor: str, changed: Callable[[str], None]) -> None:
        self._changed = changed
        self._pods: dict[str, Document] = {}
        self._known_before: dict[str, Document] = {}
        selector = {"labelSelector": f"{names.EXECUTOR}={names.short_hash(executor)}"}
        self.watch = Watch(api, "/api/v1/pods", selector, self)

    def get(self, run_id: str) -> Document | None:
        return self._pods.get(run_id)

    def all(self) -> Sequence[Document]:
        return tuple(self._pods.values())

    def forget(self, run_id: str) -> None:
        """The API server has said that there is none."""
        if self._pods.pop(run_id, None) is not None:
            self._changed(run_id)

    def take(self, pod: Document) -> None:
        """Newer than what is known, unless that has a later version."""
        run_id = owner_of(pod)
        if run_id is not None:
            known = self._pods.get(run_id)
            if known is None or _version(pod) >= _version(known):
                self._pods[run_id] = _needed(pod)
                self._changed(run_id)

    def drop(self, pod: Document) -> None:
        run_id = owner_of(pod)
        known = self._pods.get(run_id) if run_id is not None else None
        if run_id is not None and known is not None and known["metadata"]["uid"] == pod["metadata"]["uid"]:
            self.forget(run_id)

    def begin(self) -> None:
        self._known_before = dict(self._pods)

    def end(self, seen: set[str]) -> None:
        """What was created while the list was read is not taken for gone."""
        for run_id, pod in self._known_before.items():
            if pod["metadata"]["uid"] not in seen and self._pods.get(run_id) is pod:
                self.forget(run_id)
        self._known_before = {}


def owner_of(pod: Document) -> str | None:
    """The rank whose pod it is; none of a pod that lacks the fence, or has another name than that rank's."""
    meta = pod["metadata"]
    run_id = (meta.get("annotations") or {}).get(names.RUN)
    return run_id if run_id is not None and names.pod_name(run_id) == meta["name"] else None


def path_of(pod: Document) -> str:
    """Where the API server has it."""
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def annotations_of(pod: Document) -> dict[str, str]:
    found: dict[str, str] = pod["metadata"].get("annotations", {})
    return found


def _version(pod: Document) -> int:
    return int(pod["metadata"]["resourceVersion"])


def _needed(pod: Document) -> Document:
    """The few fields that decisions need: a cluster has many pods."""
    meta, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    container = spec["containers"][0]
    return {
        "metadata": {key: meta[key] for key in _META if key in meta},
        "spec": {
            "nodeName": spec.get("nodeName"),
            "containers": [{"image": container.get("image"), "resources": container.get("resources", {})}],
        },
        "status": {key: status[key] for key in _STATUS if key in status},
    }
