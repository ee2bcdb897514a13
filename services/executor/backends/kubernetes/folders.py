"""What has to be so in a job's folders before its pod is asked for. Touches the disk, in threads of the storages.

They are given to the user of runs; the mark lies there by which a pod knows this storage; and of an earlier attempt
there is nothing that a rank could take for what it is told (see `rendezvous`). What may pass, as a disk that is full or
does not answer, is a refusal that is worth another try.
"""

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from services.executor.backends.kubernetes.mounts import mark_of
from services.executor.backends.ownership import share
from services.executor.backends.protocol import RunOrder
from services.executor.domain.folder_errors import is_final
from services.executor.domain.observation import Refused
from services.executor.folder_trouble import trouble
from services.executor.storages import Storages
from shared import descent
from shared.contracts.events import Facts
from shared.contracts.job import Reason


async def prepared(storages: Storages, order: RunOrder, user: int, group: int, stale: Iterable[Path]) -> Refused | None:
    """Why it cannot be; None: it is so now. `stale`: what is to be removed."""
    try:
        for folder in (order.folders.job, order.folders.checkpoints):
            await storages.at(folder, partial(share, folder, user, group))
    except PermissionError as error:
        return Refused(_not_given(error, user))
    except OSError as error:
        return _refused(error, trouble(error))
    try:
        for path in stale:
            await storages.at(path, partial(descent.remove, path))
    except OSError as error:
        words = f"What lies at {error.filename}, where the run's ranks are told something, cannot be removed"
        return _refused(error, _unusable(error, f"{words}: {_said(error)}."))
    mark = mark_of(order)
    try:
        await storages.at(mark, partial(descent.mark, mark))
    except OSError as error:
        words = "The executor cannot write into the job's folder, and so cannot tell a pod's storage from another"
        return _refused(error, _unusable(error, f"{words}: {_said(error)}."))
    return None


def _refused(error: OSError, final: Reason) -> Refused:
    """What passes is no node's fault: all have the same storage."""
    return Refused(final) if is_final(error) else Refused(trouble(error), busy=True, own=True)


def _not_given(error: OSError, user: int) -> Reason:
    """A storage that takes root for nobody (root_squash of NFS) lets it give nothing away."""
    return _unusable(
        error,
        f"The executor may not give the folder {error.filename} to the user of runs, {user}, nor to their group. An "
        "operator lets it run as that user, makes it a member of that group, or, where it is root, exports the storage "
        "without root_squash.",
    )


def _unusable(error: OSError, message: str) -> Reason:
    details: Facts = {"path": str(error.filename), "error": _said(error)}
    return Reason(code="path_unusable", message=message, details=details)


def _said(error: OSError) -> str:
    return os.strerror(error.errno or 0)
