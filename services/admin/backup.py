"""A backup: one file with the documents, the consoles and the keys of an installation that runs or does not.

Each service's documents are as of one moment. The jobs' come last, so whatever others say of jobs is there.
"""

import shutil
import tempfile
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

from services.admin.archive import Manifest, facts_of, write
from services.admin.contents import DOCUMENTS, databases, plain_files
from services.admin.refused import Refused
from shared.settings import PlatformSettings
from shared.store.sqlite import files


def backup(settings: PlatformSettings, target: Path, keys: bool) -> tuple[Path, Manifest]:
    """Make the backup; where it is, and what it holds. Raises Refused, StoreError, OSError."""
    if settings.mongo_url is not None:
        raise Refused(
            "The documents of this installation live in MongoDB. Back that up by its own means (`mongodump`)."
        )
    now = datetime.now(UTC)
    if target.is_dir():
        target = target / f"jobyard-{now:%Y%m%d-%H%M%S}.tar.gz"
    if target.exists():
        raise Refused(f"{target} exists already. Choose another name; no backup is overwritten.")
    if not databases(settings.data):
        raise Refused(f"There are no documents in {settings.data}. Name the platform's data folder with --data.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".jobyard-backup-", dir=target.parent) as folder:
        manifest = _staged(settings.data, Path(folder), keys, now)
        write(target, manifest, Path(folder))
    return target, manifest


def _staged(data: Path, folder: Path, keys: bool, now: datetime) -> Manifest:
    """Copies of everything, so that nothing changes between its checksum and the archive."""
    names = [name for name in plain_files(data, keys) if _copied(data / name, folder / name)]
    documents = {}
    for service, path in databases(data).items():
        name = PurePosixPath(DOCUMENTS, path.name)
        (folder / DOCUMENTS).mkdir(exist_ok=True)
        files.copy(path, folder / name)
        documents[service] = files.counts(folder / name)
        names.append(name)
    facts = {str(name): facts_of(folder / name) for name in names}
    return Manifest(jobyard=_version(), created_at=now, keys=keys, files=facts, documents=documents)


def _copied(source: Path, target: Path) -> bool:
    """False for a file that went in the meantime; none changes, each is replaced whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        return False
    return True


def _version() -> str:
    try:
        return version("jobyard")
    except PackageNotFoundError:
        return "unknown"
