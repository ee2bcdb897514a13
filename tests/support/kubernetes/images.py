"""Images for a test cluster: archives in the form of `docker save`, made from a root file system."""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path


def archive(to: Path, names: Sequence[str], root_filesystem: Path, command: Sequence[str]) -> Path:
    """An image of those names with one layer, the tar `root_filesystem`."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": list(command), "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sum(root_filesystem)}"]},
    }
    document = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(document).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": list(names), "Layers": ["layer.tar"]}]
    with tarfile.open(to, "w") as tar:
        _add(tar, "manifest.json", json.dumps(manifest).encode())
        _add(tar, config_name, document)
        tar.add(root_filesystem, "layer.tar")
    return to


def without_shell(to: Path) -> Path:
    """A root file system that has no program at all."""
    with tarfile.open(to, "w") as tar:
        _add(tar, "etc/motd", b"Nothing to run here.\n")
    return to


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
