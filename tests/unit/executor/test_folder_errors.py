"""Which errors of folders are final: those that somebody has to put right, and no other."""

import errno
import os

import pytest

from services.executor.domain.folder_errors import is_final


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
