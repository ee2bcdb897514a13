"""What looks at the pod of one run, with an API server that does all that it is asked for."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from services.executor.backends.frames import split
from services.executor.backends.kubernetes import manifest
from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.direct import Direct
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.forcing import Forcing
from services.executor.backends.kubernetes.forgetting import Forgetting
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout, Storage
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.observing import Observing
from services.executor.backends.kubernetes.outputs import Outputs
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.sweeping import Sweep
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.backends.kubernetes.turns import Turns
from services.executor.backends.kubernetes.ways import Ways
from services.executor.domain import pod_names as names
from tests.support.executor_backend import order_of
from tests.support.kubernetes.pod_documents import END, LIVES, START
from tests.support.waiting import until

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV.1"


class Server(Api):
    """An API server that does all that it is asked for, of one pod; `away` for that many deletions."""

    def __init__(self) -> None:
        super().__init__(None)
        self.deleted: list[Document] = []
        self.released: list[Document] = []
        self.away = 0

    async def get(self, path: str, query: Any = None, within_s: float = 1.0) -> Document:
        if path == "/api/v1/nodes":
            return {"items": []}
        raise ApiError(404, "NotFound", "not found")

    async def delete(self, path: str, options: Document) -> Document:
        if self.away:
            self.away -= 1
            raise ClusterAway("no answer")
        self.deleted.append(options)
        return {}

    @asynccontextmanager
    async def lines(self, path: str, query: Any, silence_s: float = 1.0) -> AsyncIterator[aiohttp.StreamReader]:
        yield self.log()

    def log(self) -> aiohttp.StreamReader:
        raise ApiError(404, "NotFound", "not found")

    async def patch(self, path: str, change: Document) -> Document:
        self.released.append(change["metadata"])
        return {"metadata": {"deletionTimestamp": END}}


class Disk(Kept):
    """May be full."""

    full = False

    def keep_start(self, run_id: str, started_ns: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().keep_start(run_id, started_ns)


class Executor:
    """What looks at the pod of one run."""

    def __init__(self, folder: Path, patience_s: float = 60.0, start_s: float = 10_800.0) -> None:
        self.layout = Layout(executor="cluster", image="lab/train:2", storages=(Storage(folder.parent, "jobyard"),))
        self.order = order_of(RUN, ("true",), folder, 10)
        self.server, self.kept, self.tasks = Server(), Disk(folder / "home"), Tasks()
        self.kept.open()
        document = manifest.tombstone(self.order, self.layout)
        self.kept.keep_order(RUN, {"namespace": document["metadata"]["namespace"], "vc": "default"})
        api, kept, room = self.server, self.kept, Room(folder / "home")
        ways, hidden = Ways(folder / "home", room), HiddenTexts(api)
        pods = Pods(api, self.layout.fence, Holders(), self._moved, kept.namespace)
        fences = Fences(api, self.layout, Namespaces(api, None), pods, kept)
        calls = Calls(api, self.layout.fence, kept, pods, fences, hidden)
        concluding = Concluding(kept, calls, lambda run_id, seen: None)
        self.outputs = Outputs(api, kept, ways, pods, calls, hidden, lambda run_id: None, room, patience_s)
        ending = Ending(kept, pods, calls, concluding, Turns(), self.tasks)
        self.direct = Direct(kept, pods)
        parts = (kept, pods, calls, self.outputs, concluding, ending, self.direct)
        self.observing = Observing(*parts, patience_s, start_s, answers=lambda node: True)
        self.forcing = Forcing(api, kept, pods, self.outputs, concluding, Turns())
        forgetting = Forgetting(kept, calls, self.tasks, lambda run_id: None)
        self.sweep = Sweep(kept, calls, ending, self.observing, forgetting)
        self.pods, self.folder = pods, folder

    def hears_of(
        self,
        state: dict[str, Any] | None = None,
        *,
        phase: str = "Running",
        buried: bool = False,
        beside: dict[str, Any] | None = None,
        node: str | None = None,
        direct: bool = False,
        taken: str | None = None,
        **meta: Any,
    ) -> None:
        """The watch tells of the run's pod, and of a container that others have put into it."""
        document = manifest.pod(self.order, self.layout, direct=direct)
        if buried:
            document = manifest.tombstone(self.order, self.layout)
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": names.ANCHOR, "uid": "c-1"}
        told = {"uid": "p-1", "resourceVersion": "7", "creationTimestamp": START, "ownerReferences": [owner]}
        document["metadata"] |= told | meta
        document["spec"]["nodeName"] = node
        states = {"istio-proxy": beside, names.CONTAINER: state}
        containers = [{"name": name, "state": each} for name, each in states.items() if each is not None]
        document["status"] = {"phase": phase, "containerStatuses": containers, "startTime": taken}
        self.pods.take(document)

    def reopened(self) -> Kept:
        """What the next process knows."""
        kept = Kept(self.folder / "home")
        kept.open()
        return kept

    def _moved(self, run_id: str) -> None:
        self.observing.look_at(run_id)

    async def lives(self) -> None:
        """Its log is copied."""
        self.hears_of(LIVES)
        await until(self.outputs.under_way, "its log is asked for")

    @property
    def output(self) -> bytes:
        """As it is shown when the run is over, and nobody asks for more of it."""
        assert not self.outputs.under_way()
        frames, _ = split(self.outputs.path(RUN).read_bytes())
        return b"".join(piece for _, _, piece in frames)

    async def looked(self) -> None:
        await looks_over(RUN)


async def looks_over(run_id: str) -> None:
    """Return once nobody looks at the run. A look that is just over begins another one for what changed meanwhile."""
    await asyncio.sleep(0)
    await until(lambda: run_id not in {task.get_name() for task in asyncio.all_tasks()}, "all looks are over")
