"""compose.yaml as an operator brings it up, with images of the tests' own where none can be pulled."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.deployed import Deployed
from tests.support.docker import docker, engine, platform_image, python_image, wire_database_image
from tests.support.docker_bench import clear_containers
from tests.support.platform import CHECKOUT
from tests.support.ports import free_ports
from tests.support.waiting import LONG_S

OVERRIDE = """
services:
  jobs: { build: !reset null }
  mongo:
    image: %(database)s
    entrypoint: [secantusd-py, --host, 0.0.0.0, --port, "27017", --storage-path, /data/db, --sync-on-commit]
    healthcheck:
      test: [CMD, python3, -c, "import socket; socket.create_connection(('127.0.0.1', 27017), 4)"]
  prometheus: { profiles: [pulled] }
  grafana: { profiles: [pulled] }
  mail: { profiles: [pulled] }
"""
"""What is not pulled: MongoDB is played by what speaks its protocol, and three others stay away."""
UP_S = 600.0


class Composed(Deployed):
    """The project `name` under `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__()
        self.name = name
        self._folder = folder
        self.environment = folder / "env"
        self._override = folder / "override.yaml"
        self._port = port = free_ports(3)
        self.data = folder / "data"
        self._own = {
            "JOBYARD_IMAGE": platform_image(),
            "JOBYARD_JOB_IMAGE": python_image(),
            "JOBYARD_FOLDER": str(self.data),
            "JOBYARD_MONGO_URL": "mongodb://mongo:27017/?directConnection=true",
            "JOBYARD_PORT": str(port),
            "JOBYARD_DOOR_PORT": str(port + 1),
            "JOBYARD_SSH_PORT": str(port + 2),
        }

    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def password(self) -> str:
        return (self.data / "admin-password").read_text().strip()

    def prepare(self) -> None:
        """`.env` as `make compose-up` makes it, with this test's own lines before."""
        self.environment.write_text("".join(f"{name}={value}\n" for name, value in self._own.items()))
        self._override.write_text(OVERRIDE % {"database": wire_database_image()})
        command = [sys.executable, str(CHECKOUT / "deploy" / "compose" / "environment.py"), str(self.environment)]
        subprocess.run(command, env=os.environ | {"DOCKER_HOST": engine()}, check=True)

    def secrets(self) -> dict[str, str]:
        """What stands in `.env`."""
        lines = self.environment.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def up(self) -> None:
        """Return when all of it is healthy."""
        self._compose("up", "--detach", "--wait", "--no-build", within=UP_S)

    def down(self, *more: str) -> None:
        self._compose("down", *more, within=LONG_S * 2)

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine knows of each service's container."""
        ids = self._compose("ps", "--quiet").split()
        shown = json.loads(docker("inspect", *ids))
        return {container["Config"]["Labels"]["com.docker.compose.service"]: container for container in shown}

    def close(self) -> None:
        self.http.close()
        self.down("--volumes", "--timeout", "3")
        clear_containers(self.data / "executor" / "docker")

    def _compose(self, *arguments: str, within: float = LONG_S) -> str:
        program = shutil.which("docker-compose", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        assert program is not None, "docker-compose comes with the tests' packages"
        command = [program, "--project-name", self.name, "--env-file", str(self.environment)]
        command += ["--file", str(CHECKOUT / "compose.yaml"), "--file", str(self._override), *arguments]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
        done = subprocess.run(
            command, env=clean | {"DOCKER_HOST": engine()}, capture_output=True, text=True, check=False, timeout=within
        )
        assert done.returncode == 0, f"docker-compose {' '.join(arguments)}: {done.stderr[-4000:]}"
        return done.stdout
