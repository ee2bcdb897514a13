"""A backup's file: a compressed tar archive, for its owner only, that begins with a manifest of all that it holds.

Whatever is read back is held against the manifest: a file more, less, longer or other is a refusal.
"""

import hashlib
import io
import os
import secrets
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

from pydantic import ValidationError

from services.admin.contents import is_known
from services.admin.refused import Refused
from shared.contracts.base import Contract, Timestamp

MANIFEST = "manifest.json"
MANIFEST_BYTES = 256 << 20
_PIECE = 1 << 20


class FileFacts(Contract):
    """What a file of the archive has to be."""

    bytes: int
    sha256: str


class Manifest(Contract):
    """What a backup holds, and of what."""

    format: Literal[1] = 1
    jobyard: str
    created_at: Timestamp
    keys: bool
    files: dict[str, FileFacts]
    documents: dict[str, dict[str, int]]


def facts_of(path: Path) -> FileFacts:
    """Of a file as it is now."""
    with path.open("rb") as file:
        return FileFacts(bytes=os.fstat(file.fileno()).st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def write(target: Path, manifest: Manifest, staged: Path) -> None:
    """Make the archive of these files. Raises Refused if there is something at the target, OSError."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                _add(
                    archive,
                    MANIFEST,
                    io.BytesIO(text := manifest.model_dump_json(indent=1).encode()),
                    len(text),
                    manifest.created_at,
                )
                for name, facts in manifest.files.items():
                    with (staged / name).open("rb") as content:
                        _add(archive, name, content, facts.bytes, manifest.created_at)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)
    except FileExistsError:
        raise Refused(f"{target} exists already. Choose another name; no backup is overwritten.") from None
    finally:
        draft.unlink()


def unpack(source: Path, folder: Path) -> Manifest:
    """All files of an archive into this folder, checked. Raises Refused, OSError."""
    with _opened(source) as archive:
        first = archive.next()
        if first is None or first.name != MANIFEST or first.size > MANIFEST_BYTES:
            raise Refused(f"{source} is no backup of Jobyard: it does not begin with a manifest.")
        manifest = _manifest(source, _content(archive, first).read())
        missing = dict(manifest.files)
        while (member := archive.next()) is not None:
            facts = missing.pop(member.name, None)
            if facts is None or not member.isreg() or not is_known(member.name):
                raise Refused(f"{source} holds {member.name!r}, which its manifest does not allow.")
            _unpack_file(_content(archive, member), folder / member.name, facts)
    if missing:
        raise Refused(f"{source} lacks {min(missing)!r}, which its manifest names.")
    return manifest


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int, at: datetime) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(at.timestamp())
    archive.addfile(member, content)


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:gz") as archive:
            yield archive
    except FileNotFoundError:
        raise Refused(f"There is no file {source}.") from None
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise Refused(f"{source} is damaged, or no backup: {error}.") from error


def _manifest(source: Path, text: bytes) -> Manifest:
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise Refused(f"{source} has a manifest that this version cannot read: {error.errors()[0]['msg']}.") from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise Refused(f"The backup holds {member.name!r}, which is no file.")
    return content


def _unpack_file(content: IO[bytes], path: Path, facts: FileFacts) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while piece := content.read(_PIECE):
            size += len(piece)
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if (size, digest.hexdigest()) != (facts.bytes, facts.sha256):
        raise Refused(f"{path.name} in the backup is not what its manifest says: the file is damaged.")
