"""What a pod prints takes only so much of the executor's disk, and no end waits until there is more of that."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from services.executor.backends.frames import LOSS, LOST, STDERR, STDOUT, split
from services.executor.backends.kubernetes.logs import BOUNDED, NoRoom, PodLog
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.tail import TAIL_BYTES
from tests.support.kubernetes.node_log import NodeLog
from tests.support.waiting import LONG_S, until

PATH = "/api/v1/namespaces/jobyard-lab/pods/a"
BOUND = 1 << 20
SENTENCE = BOUNDED.format(mib=1).encode() + b"\n"


def line(number: int) -> bytes:
    return b"%09d" % number + b"x" * 90


LONG = tuple(map(line, range(20_000)))
"""Two megabytes."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.output"


def log_of(node: NodeLog, path: Path, room: Room | None = None) -> PodLog:
    return PodLog(node, PATH, path, room or Room(path.parent, BOUND), (), lambda: None)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def frames(path: Path) -> list[tuple[int, bytes]]:
    return [(kind, data) for kind, _, data in split(path.read_bytes())[0]]


def parts(path: Path) -> tuple[bytes, tuple[int, int], bytes]:
    """The beginning of an output that says that it is bounded, what is missing (lines and bytes), and the end."""
    found = frames(path)
    at = found.index((STDERR, SENTENCE))
    kind, loss = found[at + 1]
    assert kind == STDOUT | LOST
    assert all(kind == STDOUT for kind, _ in found[:at] + found[at + 2 :])
    lines, size = LOSS.unpack(loss)
    return b"".join(data for _, data in found[:at]), (lines, size), b"".join(data for _, data in found[at + 2 :])


async def test_a_run_that_prints_more_than_its_bound_is_read_no_further_until_it_has_ended(path: Path) -> None:
    node = NodeLog()
    node.write(*LONG)
    log = log_of(node, path)
    await asyncio.wait_for(log.follow("log"), LONG_S)
    assert node.asked == [True]
    assert frames(path)[-1] == (STDERR, SENTENCE)
    assert BOUND <= size(path) < BOUND + TAIL_BYTES
    node.write(b"the last words")
    await log.finish()
    begin, (lost_lines, lost_bytes), end = parts(path)
    whole = b"\n".join((*LONG, b"the last words", b""))
    assert whole.startswith(begin) and whole.endswith(end)
    assert len(begin) + lost_bytes + len(end) == len(whole)
    assert lost_lines == whole[len(begin) : -len(end)].count(b"\n")
    assert 0 < len(end) <= TAIL_BYTES


async def test_the_next_process_goes_on_with_a_bounded_output_and_says_nothing_twice(path: Path) -> None:
    node = NodeLog()
    node.write(*LONG)
    await log_of(node, path).follow("log")
    begun = frames(path)
    await log_of(node, path).follow("log")
    assert (frames(path), node.asked) == (begun, [True]), "nobody is asked"
    await log_of(node, path).finish()
    whole = frames(path)
    assert len(whole) > len(begun)
    await log_of(node, path).finish()
    assert frames(path) == whole


async def test_of_a_bounded_output_whose_middle_the_node_has_removed_the_end_is_kept_all_the_same(path: Path) -> None:
    node = NodeLog()
    node.write(*LONG)
    log = log_of(node, path)
    await log.follow("log")
    node.rotate()
    node.write(b"the last", b"words")
    await log.finish()
    _, lost, end = parts(path)
    assert lost == (1, 0), "nobody knows how many"
    assert end == b"the last\nwords\n"


async def test_an_output_that_its_bound_does_not_concern_is_stored_whole(path: Path) -> None:
    for bound in (0, 1 << 30):
        node = NodeLog()
        node.write(*LONG)
        own = path.with_suffix(f".{bound}")
        await log_of(node, own, Room(path.parent, bound)).finish()
        found = frames(own)
        assert all(kind == STDOUT for kind, _ in found)
        assert b"".join(data for _, data in found) == b"\n".join((*LONG, b""))


class SmallRoom(Room):
    """Has none, until it is made."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.made = False
        self.asked = 0

    def claim(self, size: int) -> None:
        self.asked += 1
        if not self.made:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().claim(size)


async def test_what_a_living_pod_prints_waits_for_room(path: Path) -> None:
    node, room = NodeLog(), SmallRoom(path.parent)
    node.write(b"hello")
    log = log_of(node, path, room)
    following = log.follow("log")
    await until(lambda: room.asked, "it was to be stored")
    assert size(path) == 0
    room.made = True
    await until(lambda: size(path), "there is room")
    assert not following.done()
    await log.give_up()
    assert frames(path) == [(STDOUT, b"hello\n")]


async def test_the_end_of_a_pod_waits_for_no_room(path: Path) -> None:
    node, room = NodeLog(), SmallRoom(path.parent)
    node.write(b"hello")
    log = log_of(node, path, room)
    following = log.follow("log")
    await until(lambda: room.asked, "it was to be stored")
    with pytest.raises(NoRoom):
        await asyncio.wait_for(log.finish(), LONG_S)
    assert following.done()
    (await log.give_up()).add_sentence(1, "The end is missing.")
    assert frames(path) == [(STDERR, b"The end is missing.\n")], "it takes of the reserve"
