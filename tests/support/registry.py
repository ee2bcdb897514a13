"""A real registry of images for the tests: Debian's docker-registry, on a loopback port, with one user or none.

Engines speak to the loopback without TLS, so nothing has to be told to them.
"""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

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
_TYPES = "application/vnd.docker"
_MANIFEST = f"{_TYPES}.distribution.manifest.v2+json"
_CONFIG = f"{_TYPES}.container.image.v1+json"
_LAYER = f"{_TYPES}.image.rootfs.diff.tar.gzip"


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
        """An image of three layers, whose one program `/say` writes `image <says>`; its digest. No engine has it."""
        with tempfile.TemporaryDirectory() as made:
            source, program = Path(made) / "say.c", Path(made) / "say"
            source.write_text(_PROGRAM % (says, len(says) + 7))
            subprocess.run(["cc", "-static", "-o", program, source], check=True)
            files = {"say": program.read_bytes()} | {one: os.urandom(LAYER_BYTES) for one in ("first", "second")}
        repository, _, tag = name.partition(":")
        layers = [_layer(one, data) for one, data in files.items()]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/say"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._upload(repository, json.dumps(config).encode(), _CONFIG),
            "layers": [self._upload(repository, gzip.compress(layer, 1), _LAYER) for layer in layers],
        }
        answer = self._ask(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            content=json.dumps(manifest),
            headers={"Content-Type": _MANIFEST},
        )
        return str(answer.headers["docker-content-digest"])

    def _upload(self, repository: str, data: bytes, kind: str) -> dict[str, object]:
        begun = self._ask("POST", f"/v2/{repository}/blobs/uploads/")
        self._ask("PUT", begun.headers["location"], params={"digest": _digest(data)}, content=data)
        return {"mediaType": kind, "size": len(data), "digest": _digest(data)}

    def _ask(self, method: str, path: str, **said: Any) -> httpx.Response:
        url = httpx.URL(f"http://{self.name}").join(path)
        params = dict(url.params) | said.pop("params", {})
        answer = httpx.request(
            method, url.copy_with(query=None), params=params, auth=(USER, PASSWORD), timeout=60, **said
        )
        answer.raise_for_status()
        return answer

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{self.name}/v2/").status_code == 401
        except httpx.HTTPError:
            return False


def _layer(name: str, data: bytes) -> bytes:
    """A tar with this one program."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o755
        tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@contextmanager
def registry_in(folder: Path) -> Iterator[Registry]:
    """One that runs, ended afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = Registry(folder)
    try:
        yield registry
    finally:
        registry.close()
