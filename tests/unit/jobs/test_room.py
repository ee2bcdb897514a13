"""New jobs are refused before a disk or the stream is full, each with a sentence that says what to do."""

import re

import pytest

from services.jobs.domain.room import MIB, Space, lacks

DISK = Space(500 * MIB, 1000 * MIB)
STREAM = Space(900, 1000)


def test_with_room_everywhere_jobs_are_taken() -> None:
    assert lacks(DISK, STREAM, None, 256 * MIB, 2.0) is None


def test_a_stream_that_is_not_known_yet_or_has_no_limit_refuses_nothing() -> None:
    assert lacks(DISK, Space(0, 0), None, 0, 0) is None
    assert lacks(DISK, Space(-1000, 0), None, 0, 0) is None


@pytest.mark.parametrize(
    ("disk", "stream", "unstored", "says"),
    [
        (Space(255 * MIB, 1000 * MIB), STREAM, None, "has 255 MiB left and keeps 256 MiB free"),
        (Space(300 * MIB, 20_000 * MIB), STREAM, None, "has 300 MiB left and keeps 400 MiB free"),
        (Space(0, 0), STREAM, None, "has 0 MiB left"),
        (DISK, Space(49, 1000), None, "full but for 5 %"),
        (DISK, Space(-1, 1000), None, "JOBYARD_EVENTS_MAX_BYTES"),
        (DISK, STREAM, "insufficient storage resources available", r"\(insufficient storage resources available\)"),
    ],
)
def test_without_room_they_are_refused(disk: Space, stream: Space, unstored: str | None, says: str) -> None:
    sentence = lacks(disk, stream, unstored, 256 * MIB, 2.0)
    assert sentence is not None
    assert re.search(says, sentence)
    assert "An operator has to" in sentence
