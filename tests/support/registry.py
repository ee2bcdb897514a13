"""A real registry of images for the tests: Debian's docker-registry, on a loopback port, with one user or none.

Engines speak to the loopback without TLS, so nothing has to be told to them.
"""

import base64
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.docker import build, docker, engine
from tests.support.ports import free_port
from tests.support.programs import found, needs
from tests.support.waiting import wait_until

USER, PASSWORD = "robot", "canary-7f3e"
_USERS = f"{USER}:$2b$05$abcdefghijklmnopqrstuuqg0MDux/WfYPZFYqTkXi7lr9OIxjL/C\n"
"""That password, as htpasswd writes it with bcrypt."""
_CONFIGURATION = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: test, path: {folder}/users}}}}
"""
_PROGRAM = '#include <unistd.h>\nint main(void) { return write(1, "image %s\\n", %d) < 0; }\n'
LAYER_BYTES = 3 << 20


class Registry:
    """One that lets in `USER` alone."""

    def __init__(self, folder: Path) -> None:
        needs("docker-registry", "cc")
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self._folder = folder
        (folder / "users").write_text(_USERS)
        configuration = folder / "registry.yml"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=self.port))
        command = [found("docker-registry") or "", "serve", str(configuration)]
        with (folder / "registry.log").open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, "the registry answers")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def push(self, name: str, says: str) -> str:
        """An image of three layers, whose program `/say` writes `says`; the digest that the registry has of it.

        Nothing of it stays in the engine.
        """
        with tempfile.TemporaryDirectory() as made:
            context = Path(made)
            (context / "say.c").write_text(_PROGRAM % (says, len(says) + 7))
            subprocess.run(["cc", "-static", "-o", context / "say", context / "say.c"], check=True)
            for layer in ("first", "second"):
                (context / layer).write_bytes(os.urandom(LAYER_BYTES))
            (context / "Dockerfile").write_text("FROM scratch\nCOPY say /\nCOPY first /\nCOPY second /\n")
            image = f"{self.name}/{name}"
            build(image, context)
            self._as_user("push", image)
        docker("image", "rm", "--force", image)
        return self.digest(name)

    def digest(self, name: str) -> str:
        repository, _, tag = name.partition(":")
        headers = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
        answer = httpx.head(
            f"http://{self.name}/v2/{repository}/manifests/{tag}", headers=headers, auth=(USER, PASSWORD)
        )
        return answer.headers["docker-content-digest"]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{self.name}/v2/").status_code == 401
        except httpx.HTTPError:
            return False

    def _as_user(self, *arguments: str) -> None:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (self._folder / "config.json").write_text(json.dumps({"auths": {self.name: {"auth": pair}}}))
        command = [found("docker") or "docker", "--config", str(self._folder), "--host", engine(), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@contextmanager
def registry_in(folder: Path) -> Iterator[Registry]:
    """One that runs, ended afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = Registry(folder)
    try:
        yield registry
    finally:
        registry.close()
