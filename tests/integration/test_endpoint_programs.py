"""Jupyter and TensorBoard behind endpoints: started in the run, answering through its streams, gone when they close."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.endpoints.domain.document import EndpointDocument
from services.endpoints.programs.http import get
from services.endpoints.programs.program import PROGRAMS, base_of
from services.endpoints.programs.starting import run_at
from shared.bus.bus import connect
from shared.contracts.errors import Conflict
from shared.streams.client import Streams
from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.waiting import seen, wait_until

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
    found = seen(lambda: endpoint(yard, id, name), lambda one: one["status"] in final, f"{name} is {statuses}", SLOW_S)
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
            connection = await Streams(bus, SLOW_S).dial(run_at(found), found.target)
            headers = PROGRAMS[found.kind].headers(found) if token else {}
            return await get(connection, base_of(found) + path, headers, SLOW_S)

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
    disabled = re.search(rb'"disabledExtensions": \[([^]]*)\]', answer(yard, found, "lab")[1])
    assert disabled is not None and b'"@jupyterlab/apputils-extension:announcements"' in disabled[1], "nobody is asked"
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


def test_the_curves_of_the_digits_job_are_in_tensorboard_while_it_runs_and_after_its_end(yard: Platform) -> None:
    command = [sys.executable, str(CHECKOUT / "examples" / "digits" / "train.py"), "--epochs", "3", "--pause", "600"]
    id = yard.submit(command, endpoints=["tensorboard"], env={"PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"})
    wait_for(yard, id, "tensorboard", "ready")
    found = document(yard, id, "tensorboard")

    def scalars() -> dict[str, Any]:
        status, body = answer(yard, found, "data/plugin/scalars/tags")
        assert status == 200
        tags: dict[str, Any] = json.loads(body)
        return tags

    wait_until(lambda: "loss" in scalars().get(".", {}), "the first epoch is in TensorBoard", SLOW_S)
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id)
    kept = wait_for(yard, id, "tensorboard", "ready")
    wait_until(lambda: (endpoint(yard, id, "tensorboard")["reason"] or {}).get("code") == "kept", "it is kept")
    assert kept["status"] == "ready"
    words = [sys.executable, "-m", "jobyard", "endpoint", "open", id, "tensorboard", "--print"]
    mine = {"JOBYARD_URL": yard.url, "JOBYARD_TOKEN": yard.headers()["Authorization"].removeprefix("Bearer ")}
    opened = subprocess.run(words, env=os.environ | mine, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (opened.returncode, "?ticket=" in opened.stdout) == (0, True), opened.stderr
    headers = yard.headers()
    with httpx.Client(base_url=yard.door_url, headers=headers, timeout=SLOW_S, trust_env=False) as browser:
        path = f"/endpoints/{id}/tensorboard/data/plugin/scalars/tags"
        folder = yard.data / "storage" / "jobs" / id / "tensorboard"
        elsewhere = yard.data / "storage" / "elsewhere"
        elsewhere.mkdir()
        aside = folder.rename(folder.with_name("aside"))
        folder.symlink_to(elsewhere)
        wait_until(lambda: browser.get(path).status_code == 409, "a folder that leads out is not shown", SLOW_S)
        assert "leads out" in browser.get(path).json()["detail"]
        folder.unlink()
        aside.rename(folder)
        wait_until(lambda: "loss" in browser.get(path).json().get(".", {}), "the folder is shown", SLOW_S)
        folder.rename(aside)
        folder.symlink_to(elsewhere)
        wait_until(lambda: browser.get(path).json() == {}, "what leads out is shown no more", SLOW_S)
        folder.unlink()
        aside.rename(folder)
        wait_until(lambda: "loss" in browser.get(path).json().get(".", {}), "it is shown again", SLOW_S)
        yard.call("DELETE", f"/jobs/{id}/endpoints/tensorboard", 200)
        wait_until(lambda: browser.get(path).status_code == 403, "it is closed")


def test_a_kernel_lives_through_restarts_of_the_endpoints_service_and_of_the_executor(yard: Platform) -> None:
    id = yard.submit(SLEEP, endpoints=["jupyter"])
    wait_for(yard, id, "jupyter", "ready")
    found = document(yard, id, "jupyter")
    headers = yard.headers()
    base = f"/endpoints/{id}/jupyter/api"
    with httpx.Client(base_url=yard.door_url, headers=headers, timeout=SLOW_S, trust_env=False) as browser:
        made = browser.post(f"{base}/kernels", json={"name": "python3"})
        assert made.status_code == 201, made.text
        kernel = made.json()["id"]
        for part in ("endpoints", "executor"):
            yard.kill_part(part)
            wait_until(lambda: _status(browser, f"{base}/kernels/{kernel}") == 200, f"found after {part}", SLOW_S)
    assert document(yard, id, "jupyter").secret == found.secret
    assert (found.status, found.target) == ("ready", document(yard, id, "jupyter").target)
    yard.call("POST", f"/jobs/{id}/kill", 202)


def _status(browser: httpx.Client, path: str) -> int:
    try:
        return browser.get(path).status_code
    except httpx.HTTPError:
        return 0


def test_a_program_that_dies_is_failed_with_its_last_words_and_begins_anew_when_asked_for(yard: Platform) -> None:
    id = yard.submit(SLEEP, endpoints=["tensorboard"])
    wait_for(yard, id, "tensorboard", "ready")
    for process in processes(f"JOBYARD_JOB_ID={id}", "tensorboard"):
        with suppress(ProcessLookupError):  # it may go with its parent
            os.kill(process, signal.SIGKILL)
    wait_until(lambda: endpoint(yard, id, "tensorboard")["status"] == "failed", "its death is noticed", SLOW_S)
    reason = endpoint(yard, id, "tensorboard")["reason"]
    assert reason["code"] == "program_ended"
    assert reason["message"].startswith("TensorBoard has ended. Its last words: ")
    yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "tensorboard"})
    wait_for(yard, id, "tensorboard", "ready")
    yard.call("POST", f"/jobs/{id}/kill", 202)


def test_one_that_is_closed_while_it_starts_leaves_nothing_behind(yard: Platform) -> None:
    id = yard.submit(SLEEP)
    yard.wait(id, "running")
    yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "jupyter"})
    wait_until(lambda: processes(f"JOBYARD_JOB_ID={id}", "jupyter"), "it is being started", SLOW_S)
    assert yard.call("DELETE", f"/jobs/{id}/endpoints/jupyter", 200)["status"] == "closed"
    wait_until(lambda: document(yard, id, "jupyter").over, "it has been stopped", SLOW_S)
    assert processes(f"JOBYARD_JOB_ID={id}", "jupyter") == []
    yard.call("POST", f"/jobs/{id}/kill", 202)


def processes(mark: str, program: str) -> list[int]:
    """Those of this program that have this in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            mine = mark.encode() in (process / "environ").read_bytes().split(b"\0")
            if mine and program.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found
