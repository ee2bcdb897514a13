"""A run's folders as a pod has them: each that the run may use, and nothing beside it.

Paths are the same inside as outside, and of a claim a pod sees those folders alone. What lies in a folder that the run
may write to is not mounted by itself: the kubelet would find it by a name that its other ranks can give to a link.
"""

from collections.abc import Sequence
from pathlib import Path, PurePath

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.lasting import FOLDER
from services.executor.backends.kubernetes.layout import Layout, Storage, Unplaceable
from services.executor.backends.protocol import RunOrder
from shared.contracts.events import Facts
from shared.contracts.job import Reason

WAYS_MIB = 64
"""Of what is to be known of programs that are started in a pod; each needs less than one."""


def mounts_and_volumes(order: RunOrder, layout: Layout) -> tuple[list[Document], list[Document]]:
    """Of the container, and of its pod. Raises Unplaceable."""
    mounts: list[Document] = [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "ways", "mountPath": FOLDER}]
    volumes: list[Document] = [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": _shared_memory(order, layout)}},
        {"name": "ways", "emptyDir": {"sizeLimit": f"{WAYS_MIB}Mi"}},
    ]
    if layout.read_only_root:
        mounts.append({"name": "tmp", "mountPath": "/tmp"})
        volumes.append({"name": "tmp", "emptyDir": {"sizeLimit": f"{layout.tmp_mib}Mi"}})
    claims: list[str] = []
    for path, read_only in mounted(order).items():
        storage = _storage_of(path, read_only, layout.storages)
        if storage.claim not in claims:
            claims.append(storage.claim)
        below = PurePath(storage.sub_path) / path.relative_to(storage.prefix)
        mount: Document = {"name": f"storage-{claims.index(storage.claim)}", "mountPath": str(path)}
        if str(below) != ".":
            mount["subPath"] = str(below)
        if read_only:
            mount["readOnly"] = True
        mounts.append(mount)
    volumes += [
        {"name": f"storage-{number}", "persistentVolumeClaim": _claim(claim, layout.storages)}
        for number, claim in enumerate(claims)
    ]
    return mounts, volumes


def mark_of(order: RunOrder) -> Path:
    """An empty file that the executor makes before any pod of the job: a claim without it has other files than this
    storage, as one has that the cluster has provisioned by itself.
    """
    return order.folders.job / f".jobyard-{order.job_id}"


def mounted(order: RunOrder) -> dict[PurePath, bool]:
    """The folders that the run has, and whether it can only read there: its data."""
    folders = order.folders
    wanted: dict[PurePath, bool] = {folders.job: False, folders.checkpoints: False, folders.work: False}
    if folders.data is not None:
        wanted.setdefault(folders.data, True)
    writable = [path for path, read_only in wanted.items() if not read_only]
    return {
        path: read_only
        for path, read_only in sorted(wanted.items())
        if not any(path != parent and path.is_relative_to(parent) for parent in writable)
    }


def _claim(name: str, storages: Sequence[Storage]) -> Document:
    """One of which nothing may be written need not be writable itself (ReadOnlyMany)."""
    read_only = all(storage.read_only for storage in storages if storage.claim == name)
    return {"claimName": name, "readOnly": True} if read_only else {"claimName": name}


def _shared_memory(order: RunOrder, layout: Layout) -> str:
    """What lies there counts as the run's memory, so more than that would only be promised."""
    memory_mib = layout.memory_of(order) or layout.memory_mib or layout.shared_memory_mib
    return f"{min(layout.shared_memory_mib, memory_mib)}Mi"


def _storage_of(path: PurePath, read_only: bool, storages: Sequence[Storage]) -> Storage:
    """The one with the longest prefix. Raises Unplaceable."""
    fitting = [storage for storage in storages if path.is_relative_to(storage.prefix)]
    if not fitting:
        message = f"The folder {path} lies on no storage of the cluster. Submit with a path that does."
        raise Unplaceable(Reason(code="path_unmapped", message=message, details={"path": str(path)}))
    found = max(fitting, key=lambda storage: len(storage.prefix.parts))
    if not read_only:
        around = [storage for storage in storages if storage.prefix.is_relative_to(path)]
        _check_writable(path, found, around)
    return found


def _check_writable(path: PurePath, storage: Storage, around: Sequence[Storage]) -> None:
    """`around`: those of which the folder is a part of the way, or the whole.

    Raises Unplaceable, also for a run that could write to all of a storage: nothing of anybody else's could be mounted
    meanwhile (`grounds`).
    """
    details: Facts = {"path": str(path)}
    for each in (storage, *around):
        if each.read_only:
            message = (
                f"No job may write to {each.prefix}, {'in' if each is storage else 'around'} which the folder {path} "
                "lies. Submit with another folder, and with what is to be read there as data_path."
            )
            details["within"] = str(each.prefix)
            raise Unplaceable(Reason(code="path_read_only", message=message, details=details))
    if path == storage.prefix:
        message = (
            f"The folder {path} is the whole of a storage, in which others have theirs, and the run could write to it. "
            "Submit with a folder below it, or with it as data_path, which is only read."
        )
        raise Unplaceable(Reason(code="path_whole", message=message, details=details))
