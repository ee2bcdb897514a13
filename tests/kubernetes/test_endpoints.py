"""Endpoints of jobs in pods, through the whole platform and its own door."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.domain import pod_names as names
from shared.ids import new_id
from tests.support.executor_backend import processes_of
from tests.support.kubernetes.cluster import BARE_IMAGE, IMAGE, shared
from tests.support.kubernetes.images import PLAIN
from tests.support.kubernetes.storage import CLAIM, make_claim, remove_claim
from tests.support.platform import Platform
from tests.support.waiting import seen, wait_until

PATIENCE_S = 180.0
JUPYTER = r"""#!/usr/bin/env python3
import http.server, os, sys
given = dict(word.split('=', 1) for word in sys.argv if '=' in word)
base, token = given['--ServerApp.base_url'], 'token ' + os.environ['JUPYTER_TOKEN']

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers['Authorization'] == token and self.path.startswith(base)
        body = f'{os.getpid()} of {os.environ["JOBYARD_RUN_ID"]} at {self.path.removeprefix(base)}'.encode()
        self.send_response(200 if known else 403)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(('127.0.0.1', int(given['--ServerApp.port'])), Answers).serve_forever()
"""
"""What an image would bring: it is started as Jupyter is, and answers as it does."""


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Platform]:
    """A platform whose jobs are pods, with its storage as their claim."""
    prefix = f"t{new_id()[-10:].lower()}-"
    storage = tmp_path / "data" / "storage"

    async def claim(make: bool) -> None:
        api = Api(shared())
        await api.open()
        namespace = names.namespace("default", prefix)
        await (make_claim(api, namespace, storage) if make else remove_claim(api, namespace))
        await api.close()

    settings = {
        "CONFIG": str(shared()),
        "NAMESPACES": prefix,
        "EXISTING_NAMESPACES": json.dumps([names.namespace("default", prefix)]),
        "IMAGE": IMAGE,
        "PULL_POLICY": "Never",
        "STORAGE": json.dumps({str(storage): {"claim": CLAIM}}),
        "LIMIT_CPUS": "false",
    }
    environment = {f"JOBYARD_EXECUTOR_KUBERNETES_{name}": value for name, value in settings.items()}
    asyncio.run(claim(make=True))
    running = Platform(tmp_path / "data", None, environment | {"JOBYARD_EXECUTOR_BACKEND": "kubernetes"})
    try:
        running.start()
        yield running
    finally:
        running.close()
        asyncio.run(claim(make=False))


def wait_for(yard: Platform, id: str, name: str, status: str) -> dict[str, object]:
    def endpoint() -> dict[str, object]:
        items = yard.call("GET", f"/jobs/{id}/endpoints", 200)["items"]
        found: dict[str, object] = next(item for item in items if item["name"] == name)
        return found

    found = seen(endpoint, lambda one: one["status"] in (status, "failed"), f"{name} is {status}", PATIENCE_S)
    assert found["status"] == status, f"{found}\n{yard.output()[-4000:]}"
    return found


def jupyter_of(id: str) -> list[int]:
    """Its processes in the job's pod."""
    found = []
    for process in processes_of(f"{id}.1"):
        with suppress(psutil.Error):
            if any(word.endswith("jupyter-lab") for word in process.cmdline()):
                found.append(process.pid)
    return found


def test_a_program_in_a_pod_is_started_found_again_and_stopped_and_one_that_the_image_lacks_is_named(
    yard: Platform,
) -> None:
    id = yard.submit("touch ready; until [ -e go ]; do sleep 0.1; done", env={"PATH": "bin:/usr/bin:/bin"}, cpus=0.1)
    yard.wait(id, "running", within=PATIENCE_S)
    folder = yard.data / "storage" / "jobs" / id
    wait_until((folder / "ready").exists, "it runs")
    (folder / "bin").mkdir()
    (folder / "bin" / "jupyter-lab").write_text(JUPYTER)
    (folder / "bin" / "jupyter-lab").chmod(0o755)
    for name in ("jupyter", "tensorboard"):
        yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": name})
    wait_for(yard, id, "jupyter", "ready")
    with httpx.Client(base_url=yard.door_url, headers=yard.headers(), trust_env=False, timeout=60) as http:

        def said() -> str | None:
            answer = http.get(f"/endpoints/{id}/jupyter/lab")
            return answer.text if answer.status_code == 200 else None

        first = seen(said, bool, "it answers at the door", PATIENCE_S)
        assert first is not None and first.endswith(f" of {id}.1 at lab")
        yard.kill_part("executor")
        assert seen(said, bool, "it is found again", PATIENCE_S) == first, "the same process"
        assert jupyter_of(id)
        lacking = wait_for(yard, id, "tensorboard", "failed")
        assert "TensorBoard is not installed where the job runs" in str(lacking["reason"])
        yard.call("DELETE", f"/jobs/{id}/endpoints/jupyter", 200)
        wait_until(lambda: not jupyter_of(id), "its program is gone")
        assert http.get(f"/endpoints/{id}/jupyter/lab").status_code == 403
    (folder / "go").touch()
    assert yard.wait(id, within=PATIENCE_S)["status"] == "finished"


def test_a_job_in_an_image_without_a_shell_runs_and_what_would_need_one_says_so(yard: Platform) -> None:
    id = yard.submit([PLAIN, "told", "0"], image=BARE_IMAGE, cpus=0.1)
    line = yard.submit(f"{PLAIN} exit 0", image=BARE_IMAGE, cpus=0.1)
    yard.wait(id, "running", within=PATIENCE_S)
    yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "jupyter"})
    broken = wait_for(yard, id, "jupyter", "failed")
    assert "has no /bin/sh" in str(broken["reason"])
    yard.call("POST", f"/jobs/{id}/kill", 202)
    assert yard.wait(id, within=PATIENCE_S)["status"] == "killed"
    refused = yard.wait(line, within=PATIENCE_S)
    assert (refused["status"], refused["reason"]["code"]) == ("error", "shell_missing")
    assert "Give the command as a list of arguments" in refused["reason"]["message"]
