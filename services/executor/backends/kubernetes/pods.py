"""The pods of this executor as the cluster last told them: listed, then watched from that version on.

A watch that the API server breaks off is begun again with a new list (410 comes as an answer with status 200 and an
event ERROR), so a change is seen late at worst, and never missed: whoever is told `changed` looks at the whole pod.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import structlog

from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.domain import pod_names as names

log = structlog.get_logger()

PAGE = 500
_AGAIN_S = (0.05, 0.2, 1.0, 2.0, 5.0)


class Pods:
    """`changed` is called with a rank's id whenever its pod is another than before, or gone."""

    def __init__(self, api: Api, executor: str, changed: Callable[[str], None]) -> None:
        self._api = api
        self._selector = f"{names.EXECUTOR}={names.short_hash(executor)}"
        self._changed = changed
        self._pods: dict[str, Document] = {}
        self.listed = asyncio.Event()

    def get(self, run_id: str) -> Document | None:
        return self._pods.get(run_id)

    def put(self, pod: Document) -> None:
        """What the API server has answered about a pod: newer than the watch, unless that has seen a later one."""
        run_id = owner_of(pod)
        if run_id is not None:
            known = self._pods.get(run_id)
            if known is None or _version(pod) >= _version(known):
                self._pods[run_id] = _needed(pod)
                self._changed(run_id)

    def drop(self, run_id: str) -> None:
        """The API server has said that there is none."""
        if self._pods.pop(run_id, None) is not None:
            self._changed(run_id)

    async def follow(self) -> None:
        """Until cancelled."""
        failures = 0
        while True:
            try:
                version = await self._list()
                failures = 0
                while True:
                    version = await self._watch(version)
            except ClusterAway as error:
                log.warning("cluster_away", error=str(error))
            except ApiError as error:
                log.log(20 if error.status == 410 else 40, "watch_ended", status=error.status, reason=error.message)
            await asyncio.sleep(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
            failures += 1

    async def _list(self) -> str:
        found: dict[str, Document] = {}
        query: dict[str, Any] = {"labelSelector": self._selector, "limit": PAGE}
        before = dict(self._pods)
        while True:
            page = await self._api.get("/api/v1/pods", query)
            for pod in page["items"]:
                run_id = owner_of(pod)
                if run_id is not None:
                    found[run_id] = _needed(pod)
            if not page["metadata"].get("continue"):
                break
            query["continue"] = page["metadata"]["continue"]
        for run_id in before.keys() - found.keys():
            if self._pods.get(run_id) is before[run_id]:  # else it was created while the list was made
                self.drop(run_id)
        for pod in found.values():
            self.put(pod)
        self.listed.set()
        return str(page["metadata"]["resourceVersion"])

    async def _watch(self, version: str) -> str:
        """The version from which the next watch goes on. Raises ApiError (410 among them), ClusterAway."""
        query: dict[str, str | int | bool] = {
            "labelSelector": self._selector,
            "watch": True,
            "resourceVersion": version,
            "allowWatchBookmarks": True,
            "timeoutSeconds": 300,
        }
        async with self._api.lines("/api/v1/pods", query) as answer:
            while line := await answer.readline():
                event = json.loads(line)
                document = event["object"]
                if event["type"] == "ERROR":
                    code, reason = int(document.get("code", 0)), str(document.get("reason", ""))
                    raise ApiError(code, reason, str(document.get("message", "")))
                version = document["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._deleted(document)
                elif event["type"] != "BOOKMARK":
                    self.put(document)
        return version

    def _deleted(self, pod: Document) -> None:
        run_id = owner_of(pod)
        known = self._pods.get(run_id) if run_id is not None else None
        if run_id is not None and known is not None and known["metadata"]["uid"] == pod["metadata"]["uid"]:
            self.drop(run_id)


def owner_of(pod: Document) -> str | None:
    """The rank whose pod it is; none of a pod that lacks the fence, or has another name than that rank's."""
    meta = pod["metadata"]
    run_id = (meta.get("annotations") or {}).get(names.RUN)
    return run_id if run_id is not None and names.pod_name(run_id) == meta["name"] else None


def _version(pod: Document) -> int:
    return int(pod["metadata"]["resourceVersion"])


def _needed(pod: Document) -> Document:
    """The few fields that decisions need: a cluster has many pods."""
    meta, spec, status = pod["metadata"], pod.get("spec", {}), pod.get("status", {})
    container = spec["containers"][0]
    return {
        "metadata": {
            key: meta[key]
            for key in (
                "name",
                "namespace",
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "deletionTimestamp",
                "annotations",
                "finalizers",
            )
            if key in meta
        },
        "spec": {
            "nodeName": spec.get("nodeName"),
            "containers": [{"image": container.get("image"), "resources": container.get("resources", {})}],
        },
        "status": {
            key: status[key]
            for key in ("phase", "reason", "message", "podIP", "conditions", "containerStatuses")
            if key in status
        },
    }
