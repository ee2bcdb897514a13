"""What has to be so in a job's folders before its pod is asked for. Touches the disk.

They are given to the user of runs; the mark lies there by which a pod knows this storage; and of an earlier attempt
there is nothing that a rank could take for what it is told (see `rendezvous`).
"""

import os
from collections.abc import Iterable
from pathlib import Path

from services.executor.backends.kubernetes.mounts import mark_of
from services.executor.backends.ownership import share
from services.executor.backends.protocol import RunOrder
from services.executor.domain.folder_errors import is_final
from shared import descent
from shared.contracts.events import Facts
from shared.contracts.job import Reason


def prepared(order: RunOrder, user: int, group: int, stale: Iterable[Path]) -> Reason | None:
    """Why it cannot be; None: it is so now. `stale`: what is to be removed. Raises OSError for what may pass."""
    try:
        for folder in (order.folders.job, order.folders.checkpoints):
            share(folder, user, group)
    except PermissionError as error:
        return _not_given(error, user)
    try:
        for path in stale:
            descent.remove(path)
    except OSError as error:
        if not is_final(error):
            raise
        said = error.strerror or str(error)
        return _unusable(
            error,
            f"What lies at {error.filename}, where the run's ranks are told something, cannot be removed: {said}.",
        )
    try:
        descent.mark(mark_of(order))
    except OSError as error:
        if not is_final(error):
            raise
        said = os.strerror(error.errno or 0)
        words = (
            f"The executor cannot write into the job's folder, and so cannot tell a pod's storage from another: {said}."
        )
        return _unusable(error, words)
    return None


def _not_given(error: OSError, user: int) -> Reason:
    """A storage that takes root for nobody (root_squash of NFS) lets it give nothing away."""
    return _unusable(
        error,
        f"The executor may not give the folder {error.filename} to the user of runs, {user}, nor to their group. An "
        "operator lets it run as that user, makes it a member of that group, or, where it is root, exports the storage "
        "without root_squash.",
    )


def _unusable(error: OSError, message: str) -> Reason:
    details: Facts = {"path": str(error.filename), "error": error.strerror or str(error)}
    return Reason(code="path_unusable", message=message, details=details)
