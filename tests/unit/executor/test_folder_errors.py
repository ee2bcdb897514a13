"""Which errors of folders are final: those that somebody has to put right, and no other."""

import errno
import os

import pytest

from services.executor.domain.folder_errors import is_final
from services.executor.folder_trouble import trouble


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG]
)
def test_what_says_the_same_another_time_is_final(number: int) -> None:
    assert is_final(OSError(number, os.strerror(number)))


@pytest.mark.parametrize(
    "number",
    [errno.ENOTCONN, errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC],
)
def test_a_storage_that_does_not_answer_and_a_lack_of_descriptors_pass(number: int) -> None:
    assert not is_final(OSError(number, os.strerror(number)))
    assert not is_final(OSError("without a number"))


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.ENOSPC, "disk_full", "The disk that has /srv/a is full."),
        (errno.EDQUOT, "disk_full", "The disk that has /srv/a takes no more: its quota is used up."),
        (errno.ETIMEDOUT, "path_unusable", "The folder /srv/a cannot be used just now: its storage does not answer."),
        (errno.EMFILE, "path_unusable", "The folder /srv/a cannot be used just now: Too many open files."),
        (errno.EACCES, "path_unusable", "The folder /srv/a cannot be used: Permission denied."),
    ],
)
def test_what_is_wrong_with_a_folder_is_a_sentence_that_names_it(number: int, code: str, said: str) -> None:
    reason = trouble(OSError(number, os.strerror(number), "/srv/a"))
    assert (reason.code, reason.message, reason.details["path"]) == (code, said, "/srv/a")
