"""What `make compose-up` makes before it starts anything, and what compose.yaml and the Dockerfile name."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.platform import CHECKOUT

SCRIPT = CHECKOUT / "deploy" / "compose" / "environment.py"
COMPOSE = (CHECKOUT / "compose.yaml").read_text()


def made(folder: Path, socket: str = "") -> "subprocess.CompletedProcess[str]":
    (folder / "engine").touch()
    environment = os.environ | {"DOCKER_HOST": f"unix://{socket or folder / 'engine'}"}
    command = [sys.executable, str(SCRIPT), str(folder / ".env")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def values(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_secrets_are_made_once_and_only_their_owner_can_read_them(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"JOBYARD_PORT=18080\nJOBYARD_FOLDER={tmp_path / 'data'}\n")
    assert made(tmp_path).returncode == 0
    first = values(tmp_path / ".env")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert first["JOBYARD_PORT"] == "18080", "what somebody has written stays"
    assert first["JOBYARD_MONGO_PASSWORD"] in first["JOBYARD_MONGO_URL"]
    assert made(tmp_path).returncode == 0
    assert values(tmp_path / ".env") == first, "a second run changes nothing"
    assert (tmp_path / "data" / "storage").is_dir()


def test_two_installations_have_no_secret_in_common(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / ".env").write_text(f"JOBYARD_FOLDER={folder / 'data'}\n")
        assert made(folder).returncode == 0
        found.append({value for key, value in values(folder / ".env").items() if key.endswith(("_PASSWORD", "_KEY"))})
    assert found[0] and not found[0] & found[1]


def test_without_an_engine_it_is_said_what_to_do(tmp_path: Path) -> None:
    done = made(tmp_path, socket=str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"There is no Docker engine at {tmp_path / 'nothing'}. Start one, or name its socket in DOCKER_HOST."
    )
    assert not (tmp_path / ".env").exists()


def test_everything_that_compose_demands_is_made(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"JOBYARD_FOLDER={tmp_path / 'data'}\n")
    made(tmp_path)
    demanded = set(re.findall(r"\$\{(JOBYARD_[A-Z_]+):\?", COMPOSE))
    assert demanded <= set(values(tmp_path / ".env"))
    assert not re.search(r"(PASSWORD|KEY)\w*:-[^}]", COMPOSE), "no secret has a default"


def test_every_image_from_elsewhere_is_pinned_by_its_digest() -> None:
    images = [service["image"] for service in yaml.safe_load(COMPOSE)["services"].values()]
    foreign = [image for image in images if not image.startswith("${JOBYARD_IMAGE")]
    dockerfile = (CHECKOUT / "Dockerfile").read_text()
    bases = re.findall(r"(?m)^ARG BASE=(\S+)$", dockerfile)
    assert len(foreign) == 4 and len(bases) == 1
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in foreign + bases)
    assert re.findall(r"(?m)^FROM (\S+)", dockerfile) == ["${BASE}", "python", "python", "python"]


def test_nothing_listens_beyond_the_loopback() -> None:
    ports = [port for service in yaml.safe_load(COMPOSE)["services"].values() for port in service.get("ports", ())]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
