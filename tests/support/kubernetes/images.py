"""Images for a test cluster: archives in the form of `docker save`, made from root file systems."""

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.programs import needs

PLAIN = "/plain"
"""The program of an image that has nothing else."""
PLAIN_SOURCE = Path(__file__).parent / "plain.c"


def archive(to: Path, names: Sequence[str], root_filesystem: Path, command: Sequence[str]) -> Path:
    """An image of those names with one layer, the tar `root_filesystem`."""
    return layered(to, names, [root_filesystem], {"Cmd": list(command), "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]})


def layered(to: Path, names: Sequence[str], layers: Sequence[Path], said: Mapping[str, Any]) -> Path:
    """An image of several layers, tars of which each lies over those before; `said`: what a Dockerfile would say."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": said,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sum(layer)}" for layer in layers]},
    }
    document = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(document).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": list(names), "Layers": [f"{n}.tar" for n in range(len(layers))]}]
    with tarfile.open(to, "w") as tar:
        _add(tar, "manifest.json", json.dumps(manifest).encode())
        _add(tar, config_name, document)
        for number, layer in enumerate(layers):
            tar.add(layer, f"{number}.tar")
    return to


def without_shell(to: Path) -> Path:
    """A root file system that has one program, which needs nothing but the kernel (see `plain.c`)."""
    needs("cc")
    program = to.with_suffix(".program")
    subprocess.run(["cc", "-static", "-o", program, PLAIN_SOURCE], check=True)
    return layer(to, {PLAIN.lstrip("/"): program.read_bytes()})


def layer(to: Path, files: Mapping[str, bytes]) -> Path:
    """A tar of these files: a layer, or a whole root file system."""
    with tarfile.open(to, "w") as tar:
        for name, data in files.items():
            _add(tar, name, data)
    return to


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o755
    tar.addfile(member, io.BytesIO(data))


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
