"""`jobyard up` with settings that cannot be: one line that says which, and an end; with parts that are away: a wait."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.executor.backends.docker.backend import DockerBackend
from services.executor.backends.docker.containers import Limits
from services.executor.backends.docker.users import User, Users
from shared.patience import until_it_works
from shared.wrong_settings import EXIT_CODE
from tests.support.engine_double import engine_double
from tests.support.platform import CHECKOUT
from tests.support.waiting import until


def up(data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Until it ends by itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    ports = ("--port", "0", "--metrics-port", "0")
    return subprocess.run(
        [sys.executable, "-m", "services.embedded", *ports, "--data", str(data)],
        cwd=CHECKOUT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


KUBERNETES = {"JOBYARD_EXECUTOR_BACKEND": "kubernetes", "KUBERNETES_SERVICE_HOST": ""}
MAPPED = {"JOBYARD_EXECUTOR_KUBERNETES_STORAGE": '{"/": {"claim": "a"}}'}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"JOBYARD_EXECUTOR_BACKEND": "podman"}, "JOBYARD_EXECUTOR_BACKEND is wrong: "),
        (KUBERNETES, "JOBYARD_EXECUTOR_KUBERNETES_STORAGE names no claim that jobs could write to for "),
        (KUBERNETES | MAPPED, "JOBYARD_EXECUTOR_KUBERNETES_CONFIG names no kubeconfig"),
        ({"JOBYARD_LOG_LEVEL": "loud"}, "JOBYARD_LOG_LEVEL is wrong: "),
    ],
)
def test_settings_that_cannot_be_end_the_platform_with_one_line_that_names_them(
    tmp_path: Path, environment: dict[str, str], said: str
) -> None:
    ended = up(tmp_path / "data", **environment)
    assert ended.returncode == EXIT_CODE
    lines = [line for line in ended.stderr.splitlines() if said in line]
    assert len(lines) == 1, ended.stderr
    assert "Traceback" not in ended.stderr and "starts again" not in ended.stderr


def test_a_service_by_itself_says_so_in_its_log_and_ends_with_the_same_code(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.scheduler"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), "JOBYARD_HEALTH_PORT": "none"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == EXIT_CODE
    [line] = ended.stderr.splitlines()
    told = json.loads(line)
    assert (told["event"], told["service"]) == ("settings_wrong", "scheduler")
    assert told["error"].startswith("JOBYARD_HEALTH_PORT is wrong: ")


async def test_an_engine_that_comes_later_is_waited_for_in_one_line_for_each_try(tmp_path: Path) -> None:
    socket = tmp_path / "engine.sock"
    own = User(os.geteuid(), os.getegid())
    backend = DockerBackend(tmp_path / "home", f"unix://{socket}", Users({"*": own}, own), Limits(memory_mib=512))

    async def opened() -> None:
        await backend.open(lambda run_id, seen: None, lambda run_id: None)

    with capture_logs() as logs:
        opening = asyncio.create_task(until_it_works(opened, "executor_start_delayed", patient_s=0))
        await until(lambda: len(logs) > 1, "it was tried more than once")
        async with engine_double(socket):
            await asyncio.wait_for(opening, 60)
            await backend.close()
    tries = [line for line in logs if line["event"] == "executor_start_delayed"]
    assert all(f"The Docker engine at unix://{socket} does not answer" in line["error"] for line in tries)
    assert not any("exc_info" in line for line in logs)
