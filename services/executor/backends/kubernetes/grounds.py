"""Which folders runs have while they live, so that none is mounted by a name that another run can give to a link.

A kubelet finds a folder of a claim by its name when the container starts, long after it was checked here, and follows
links as long as they stay in the claim: a run that may write above another one's folder could have it mount the claim
as a whole. So of two runs, no matter whose, the one that comes second has to wait, if a folder of one lies in a folder
that the other may write to and its container has not started yet.
"""

from pathlib import PurePath

from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.mounts import mounted
from services.executor.backends.protocol import RunOrder
from shared.contracts.job import Reason


class Grounds:
    """Of the runs of one cluster, by their orders."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def movable(self, order: RunOrder) -> Reason | None:
        """Why it cannot start yet; None: it can. One is asked for at a time, and before the next its order is kept."""
        folders = mounted(order)
        parents = {str(parent): path for path in folders for parent in path.parents}
        writable = {f"{path}/": path for path, read_only in folders.items() if not read_only}
        for run_id, others in list(self._kept.folders.items()):
            if run_id == order.run_id:
                continue
            for folder, read_only in others.items():
                if folder in parents and not read_only:
                    return _within(parents[folder], folder)
                if folder.startswith(tuple(writable)) and not self._kept.has_started(run_id):
                    return _around(next(path for start, path in writable.items() if folder.startswith(start)))
        return None


def _within(path: PurePath, folder: str) -> Reason:
    message = (
        f"The folder {path} lies in {folder}, which another run may write to, so it could be replaced while this one "
        f"starts. The job starts once no run has {folder}; submitted with {folder} itself it need not wait."
    )
    return Reason(code="path_movable", message=message, details={"path": str(path), "within": folder})


def _around(path: PurePath) -> Reason:
    """Another run's folder is nobody else's business."""
    message = (
        f"In the folder {path}, which this run could write to, lies one that another run is just starting with. "
        "The job starts once that one has."
    )
    return Reason(code="path_movable", message=message, details={"path": str(path)})
