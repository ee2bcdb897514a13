"""What keeps runs from their folders, as a sentence, the same wherever that is found out."""

import errno
import os

from services.executor.domain.folder_errors import is_final, is_full
from shared.contracts.job import Reason


def trouble(error: OSError) -> Reason:
    """Of the folder that the error names."""
    path = str(error.filename)
    if is_full(error):
        disk = f"The disk that has {path}"
        message = f"{disk} is full." if error.errno == errno.ENOSPC else f"{disk} takes no more: its quota is used up."
        return Reason(code="disk_full", message=message, details={"path": path})
    said = _said(error)
    message = f"The folder {path} cannot be used{'' if is_final(error) else ' just now'}: {said}."
    return Reason(code="path_unusable", message=message, details={"path": path, "error": said})


def _said(error: OSError) -> str:
    if error.errno == errno.ETIMEDOUT:
        return "its storage does not answer"
    return os.strerror(error.errno) if error.errno else str(error)
