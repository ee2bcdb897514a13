"""Jupyter and TensorBoard behind endpoints: started in the run, answering through its streams, gone when they close."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from services.endpoints.domain.document import EndpointDocument
from services.endpoints.programs.http import get
from services.endpoints.programs.program import PROGRAMS, base_of
from services.endpoints.programs.starting import run_at
from shared.bus.bus import connect
from shared.contracts.errors import Conflict
from shared.streams.client import Streams
from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

SLEEP = "trap 'exit 0' TERM; sleep 600 & wait"
SLOW_S = 180.0
"""JupyterLab on a loaded machine."""


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform() as running:
        yield running


def endpoint(yard: Platform, id: str, name: str) -> dict[str, Any]:
    items = yard.call("GET", f"/jobs/{id}/endpoints", 200)["items"]
    return next(item for item in items if item["name"] == name)


def wait_for(yard: Platform, id: str, name: str, *statuses: str) -> dict[str, Any]:
    final = {*statuses, "failed"}
    wait_until(lambda: endpoint(yard, id, name)["status"] in final, f"{name} is {statuses}", SLOW_S)
    found = endpoint(yard, id, name)
    assert found["status"] in statuses, found
    return found


def document(yard: Platform, id: str, name: str) -> EndpointDocument:
    """What the service itself keeps: the port and the token are shown to nobody."""
    with closing(sqlite3.connect(f"file:{yard.data}/documents/endpoints.sqlite?mode=ro", uri=True)) as store:
        (body,) = store.execute("SELECT body FROM endpoints WHERE id = ?", (f"{id}.{name}",)).fetchone()
    return EndpointDocument.model_validate_json(body)


def answer(yard: Platform, found: EndpointDocument, path: str, *, token: bool = True) -> tuple[int, bytes]:
    """What the program says to this path below its base, through the streams of its run."""

    async def ask() -> tuple[int, bytes]:
        assert found.target is not None
        async with connect(yard.nats_url, "test") as bus:
            connection = await Streams(bus, 20).dial(run_at(found), found.target)
            headers = PROGRAMS[found.kind].headers(found) if token else {}
            return await get(connection, base_of(found) + path, headers, 20)

    return asyncio.run(ask())


def test_jupyter_answers_with_its_token_runs_kernels_and_stops_when_it_is_closed(yard: Platform) -> None:
    id = yard.submit(SLEEP, endpoints=["jupyter"])
    wait_for(yard, id, "jupyter", "ready")
    found = document(yard, id, "jupyter")
    status, body = answer(yard, found, "api/status")
    assert (status, json.loads(body)["kernels"]) == (200, 0)
    assert answer(yard, found, "api/status", token=False)[0] == 403
    _, specs = answer(yard, found, "api/kernelspecs")
    assert "python3" in json.loads(specs)["kernelspecs"]
    assert found.secret is not None
    assert found.secret not in json.dumps(endpoint(yard, id, "jupyter"))
    yard.call("DELETE", f"/jobs/{id}/endpoints/jupyter", 200)
    wait_until(lambda: document(yard, id, "jupyter").over, "Jupyter is stopped")
    with pytest.raises(Conflict) as refused:
        answer(yard, found, "api/status")
    assert refused.value.details["code"] == "not_listening"
    yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "jupyter"})
    wait_for(yard, id, "jupyter", "ready")
    assert document(yard, id, "jupyter").secret != found.secret
    yard.call("POST", f"/jobs/{id}/kill", 202)


def test_a_program_that_is_missing_fails_with_what_to_install(yard: Platform, tmp_path: Path) -> None:
    id = yard.submit(SLEEP, endpoints=["tensorboard"], env={"PATH": "/usr/bin:/bin"})
    wait_for(yard, id, "tensorboard", "ready")
    yard.call("POST", f"/jobs/{id}/kill", 202)
