"""A disk or a descriptor that cannot be had for a moment ends none of the loops that look after runs in a cluster."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client import ApiClient, Configuration

from services.executor.backends.frames import split
from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.logs import PodLog
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.refusals import ClusterAway
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.signing import signed
from services.executor.backends.kubernetes.surroundings import of_gang
from shared.ids import new_id
from tests.support.waiting import until

LAYOUT = Layout(executor="cluster")
RUN = f"{new_id()}.1"


async def test_a_token_that_can_not_be_read_now_is_a_cluster_that_is_away(tmp_path: Path) -> None:
    configuration, token = Configuration(host="https://cluster.lab"), tmp_path / "token"

    def sign_in(known: Configuration) -> None:
        known.api_key["BearerToken"] = f"bearer {token.read_text()}"

    configuration.api_key["BearerToken"] = "bearer of-an-hour-ago"
    configuration.refresh_api_key_hook = sign_in  # type: ignore[assignment]  # the client says that it is none
    client = ApiClient(configuration)
    try:
        with pytest.raises(ClusterAway, match="credentials"):
            await signed(client, "GET", "/api/v1/pods")
        token.write_text("secret")
        url, headers = await signed(client, "GET", "/api/v1/pods", [("limit", "5")], {"Accept": "application/json"})
    finally:
        await client.close()
    assert (url, headers["Accept"]) == ("https://cluster.lab/api/v1/pods?limit=5", "application/json")
    assert headers["authorization"] == "bearer secret"


class BadDisk(Kept):
    """Cannot be read at first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.failures = 1

    def order(self, run_id: str) -> dict[str, Any] | None:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return super().order(run_id)


class Fenced(Api):
    """Has what stands around a run that is gone, and says what was deleted."""

    def __init__(self) -> None:
        super().__init__(None)
        self.deleted: list[str] = []

    async def get(self, path: str, query: Any = None, within_s: float = 1.0) -> dict[str, Any]:
        documents = of_gang(RUN, "jobyard-lab", "lab", LAYOUT, {"name": "jobyard"})
        for document in documents:
            document["metadata"]["uid"] = "u-1"
        return {"items": documents if path.endswith("/networkpolicies") else []}

    async def delete(self, path: str, options: Mapping[str, Any]) -> dict[str, Any]:
        self.deleted.append(path)
        return {}


async def test_fences_are_repaired_again_after_the_disk_could_not_be_read(tmp_path: Path) -> None:
    api = Fenced()
    pods = Pods(api, LAYOUT.fence, Holders(), lambda run_id: None, lambda run_id: None)
    fences = Fences(api, LAYOUT, Namespaces(api, None), pods, BadDisk(tmp_path))
    await fences.repair()
    assert api.deleted == []
    await fences.repair()
    assert len(api.deleted) == 1


class Logged(Api):
    """A cluster whose only log has one line, and which then says nothing."""

    def __init__(self) -> None:
        super().__init__(None)

    @asynccontextmanager
    async def lines(self, path: str, query: Any, silence_s: float = 1.0) -> AsyncIterator[aiohttp.StreamReader]:
        reader = asyncio.StreamReader()
        reader.feed_data(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.000000001Z hello\n".encode())
        yield reader  # type: ignore[misc]  # of the same use here


async def test_a_log_is_copied_once_its_file_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "run.output"
    path.mkdir()
    log = PodLog(Logged(), "/api/v1/namespaces/jobyard-lab/pods/a", path, Room(tmp_path), (), lambda: None)
    following = log.follow("log")
    await asyncio.wait((following,), timeout=0.1)
    path.rmdir()
    await until(path.is_file, "the log is stored")
    await until(lambda: split(path.read_bytes())[0], "the line")
    assert not following.done()
    assert split(path.read_bytes())[0][0][2] == b"hello\n"
    await log.give_up()
