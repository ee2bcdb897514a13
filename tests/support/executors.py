"""The executor's service with each backend, ready for the tests that hold all of them to one story."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from services.executor.backends.kubernetes.api import Api
from services.executor.domain import pod_names as names
from shared.ids import new_id
from tests.support import docker
from tests.support.docker_bench import clear_containers
from tests.support.executor_service import ExecutorService
from tests.support.kubernetes.cluster import IMAGE as POD_IMAGE
from tests.support.kubernetes.cluster import shared
from tests.support.kubernetes.storage import CLAIM, make_claim, remove_claim


@contextlib.asynccontextmanager
async def running(
    backend: str, nats_url: str, data: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[ExecutorService]:
    """With nothing of it left behind."""
    async with contextlib.AsyncExitStack() as ends:
        settings: dict[str, Any] = {"backend": backend}
        if backend == "docker":
            ends.callback(clear_containers, data / "executor" / "docker")
            settings |= {"docker_host": docker.engine(), "image": docker.IMAGE, "users": "*=1000:1000"}
        elif backend == "kubernetes":
            settings |= await ends.enter_async_context(in_cluster(data / "storage"))
        yield ends.enter_context(ExecutorService(nats_url, data, environment, **settings))


@contextlib.asynccontextmanager
async def in_cluster(storage: Path) -> AsyncIterator[dict[str, Any]]:
    """Settings for namespaces of its own; that of the virtual cluster `default` has the storage as its claim."""
    prefix = f"t{new_id()[-10:].lower()}-"
    namespace = names.namespace("default", prefix)
    settings = {
        "config": shared(),
        "namespaces": prefix,
        "existing_namespaces": json.dumps([namespace]),
        "image": POD_IMAGE,
        "pull_policy": "Never",
        "storage": json.dumps({str(storage): {"claim": CLAIM}}),
        "limit_cpus": "false",
    }
    api = Api(shared())
    async with contextlib.AsyncExitStack() as ends:
        ends.push_async_callback(api.close)
        await api.open()
        ends.push_async_callback(remove_claim, api, namespace)
        await make_claim(api, namespace, storage)
        yield {"simulate": ""} | {f"kubernetes_{name}": value for name, value in settings.items()}
