"""Where a start begins to read the stream: after what is on disk, unless the stream counts anew."""

import asyncio
from pathlib import Path

import pytest

from services.logs.files import Folder, Saved
from services.logs.progress import Progress
from services.logs.rings import Rings
from services.logs.settings import LogsSettings
from services.logs.snapshots import Snapshots
from tests.support.clock import ManualClock
from tests.support.logs import JOB, StreamOf, arrived, chunk_of


class Replica:
    """One life of a log service's process on a folder."""

    def __init__(self, path: Path, stream: StreamOf) -> None:
        self.folder = Folder(path)
        self.rings = Rings(self.folder, ManualClock(), 1 << 20)
        self.progress = Progress()
        self.snapshots = Snapshots(self.folder, self.rings, self.progress, stream, LogsSettings())

    async def read(self, position: int, *seqs: int) -> None:
        """Take a line at each position from here."""
        for number, seq in enumerate(seqs):
            await self.rings.add(position + number, arrived(chunk_of(seq, 1)))
            self.progress.advance(position + number)

    async def seqs(self) -> list[int]:
        ring = await self.rings.find(JOB)
        return [] if ring is None else [chunk.seq for chunk in ring.kept]

    async def die(self) -> None:
        """As kill -9 does it: nothing is saved."""
        await self.rings.close()


async def test_a_first_start_reads_the_whole_stream(tmp_path: Path) -> None:
    replica = Replica(tmp_path, StreamOf("monday", 70))
    assert await replica.snapshots.resume() == 1
    await replica.die()


async def test_a_start_goes_on_after_the_last_save(tmp_path: Path) -> None:
    stream = StreamOf("monday", 3)
    replica = Replica(tmp_path, stream)
    await replica.snapshots.resume()
    await replica.read(1, 1, 2)
    await replica.snapshots.save()
    await replica.read(3, 3)
    await replica.die()
    replica = Replica(tmp_path, stream)
    assert await replica.snapshots.resume() == 3
    assert await replica.seqs() == [1, 2]
    await replica.read(3, 3)
    await replica.snapshots.stop()
    replica = Replica(tmp_path, stream)
    assert await replica.snapshots.resume() == 4
    assert await replica.seqs() == [1, 2, 3]
    await replica.die()


async def test_what_was_read_beyond_the_saved_position_is_not_taken_twice(tmp_path: Path) -> None:
    stream = StreamOf("monday", 3)
    replica = Replica(tmp_path, stream)
    await replica.snapshots.resume()
    await replica.read(1, 1)
    await replica.snapshots.save()
    await replica.read(2, 2, 3)
    assert await replica.rings.save()
    await replica.die()
    replica = Replica(tmp_path, stream)
    assert await replica.snapshots.resume() == 2
    await replica.read(2, 2, 3)
    assert await replica.seqs() == [1, 2, 3]
    await replica.die()


async def test_a_new_stream_is_read_from_its_beginning(tmp_path: Path) -> None:
    replica = Replica(tmp_path, StreamOf("monday", 3))
    await replica.snapshots.resume()
    await replica.read(1, 1, 2, 3)
    await replica.snapshots.stop()
    replica = Replica(tmp_path, StreamOf("tuesday", 50))
    assert await replica.snapshots.resume() == 1
    assert replica.progress.position == 0
    await replica.read(1, 3, 4)
    assert await replica.seqs() == [1, 2, 3, 4]
    await replica.die()


async def test_a_stream_that_lost_its_end_is_read_from_there(tmp_path: Path) -> None:
    replica = Replica(tmp_path, StreamOf("monday", 9))
    await replica.snapshots.resume()
    await replica.read(8, 1, 2)
    await replica.snapshots.stop()
    replica = Replica(tmp_path, StreamOf("monday", 5))
    assert await replica.snapshots.resume() == 6
    await replica.die()
    replica = Replica(tmp_path, StreamOf("monday", 100))
    assert await replica.snapshots.resume() == 6
    await replica.read(6, 2, 3)
    assert await replica.seqs() == [1, 2, 3]
    await replica.die()


async def test_without_a_position_rings_still_take_what_the_stream_has(tmp_path: Path) -> None:
    stream = StreamOf("monday", 3)
    replica = Replica(tmp_path, stream)
    await replica.snapshots.resume()
    await replica.read(1, 1, 2)
    await replica.snapshots.stop()
    (tmp_path / "position.json").unlink()
    replica = Replica(tmp_path, stream)
    assert await replica.snapshots.resume() == 1
    await replica.read(1, 1, 2, 3)
    assert await replica.seqs() == [1, 2, 3]
    await replica.die()


async def test_the_position_stays_while_a_ring_cannot_be_written(tmp_path: Path) -> None:
    replica = Replica(tmp_path / "logs", StreamOf("monday", 3))
    await replica.snapshots.resume()
    await replica.read(1, 1)
    (tmp_path / "logs" / JOB[-2:]).write_text("in the way of the ring's folder")
    await replica.snapshots.save()
    saved = replica.folder.saved()
    assert isinstance(saved, Saved)
    assert saved.position == 0
    (tmp_path / "logs" / JOB[-2:]).unlink()
    await replica.snapshots.save()
    saved = replica.folder.saved()
    assert isinstance(saved, Saved)
    assert saved.position == 1
    await replica.die()


async def test_waiting_for_a_position() -> None:
    progress = Progress()
    progress.advance(5)
    await progress.reach(5, 0.001)
    with pytest.raises(TimeoutError):
        await progress.reach(6, 0.001)
    progress.advance(6)
    await progress.reach(6, 0.001)


async def test_who_is_cancelled_in_the_moment_of_the_position_is_cancelled() -> None:
    progress = Progress()
    waiting = asyncio.create_task(progress.reach(1, 60))
    await asyncio.sleep(0)
    progress.advance(1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
