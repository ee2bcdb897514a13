"""The platform's TensorBoard of a job that is over: a real one, over a folder that somebody changes meanwhile."""

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from services.endpoints.board import Board
from services.endpoints.shelf import Shelf
from tests.support.waiting import LONG_S, until

BASE = "/endpoints/JOB/tensorboard"
LEAKS = 'embeddings { tensor_name: "x" tensor_path: "x" bookmarks_path: "secret.key" metadata_path: "secret.key" }'
PROJECTOR = "/data/plugin/projector"
KEY = "the platform's own key"


def write_event(folder: Path, tag: str) -> None:
    writer = EventFileWriter(str(folder))
    writer.add_event(Event(step=1, wall_time=1.0, summary=Summary(value=[Summary.Value(tag=tag, simple_value=0.5)])))
    writer.close()


@contextlib.asynccontextmanager
async def reading(files: Path, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on a TensorBoard of these files."""
    board = await Board.start(sys.executable, files, home, BASE)
    url = f"http://127.0.0.1:{board.port}{BASE}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=LONG_S, trust_env=False) as browser:
            yield browser
    finally:
        await board.end()


@dataclass
class Shown:
    """A job's folder, as the platform shows it."""

    folder: Path
    shelf: Shelf
    browser: httpx.AsyncClient

    async def tells_of(self, *runs: str) -> None:
        """Wait until it does, and of no others."""

        async def told() -> bool:
            return set((await self.browser.get("/data/plugin/scalars/tags")).json()) == set(runs)

        await until(told, f"the runs are {runs}")


@pytest.fixture
async def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shown]:
    monkeypatch.setenv("JOBYARD_NATS_URL", "nats://endpoints:canary-4711@127.0.0.1:4222")
    folder = tmp_path / "own" / "tensorboard"
    folder.mkdir(parents=True)
    write_event(folder, "loss")
    (folder / "projector_config.pbtxt").write_text(LEAKS)
    shelf = Shelf(folder, 100)
    shelf.fill()
    try:
        async with reading(shelf.files, shelf.home) as browser:
            yield Shown(folder, shelf, browser)
    finally:
        shelf.clear()


async def test_it_shows_what_is_there_and_what_comes_later(shown: Shown) -> None:
    await shown.tells_of(".")
    write_event(shown.folder / "second", "accuracy")
    shown.shelf.fill()
    await shown.tells_of(".", "second")


async def test_it_reads_no_file_of_the_platform_whatever_is_put_in_the_folders_place(
    shown: Shown, tmp_path: Path
) -> None:
    host, aside = tmp_path / "platform", shown.folder.with_name("aside")
    host.mkdir(mode=0o700)
    (host / "secret.key").write_text(f"{KEY}\n")
    write_event(host, "the-platforms")
    async with reading(shown.folder, tmp_path) as careless:

        async def knows() -> bool:
            return (await careless.get(f"{PROJECTOR}/info?run=.")).is_success

        await until(knows, "one that reads the folder itself knows what the job wrote there")
        await shown.tells_of(".")
        shown.folder.rename(aside)
        shown.folder.symlink_to(host)
        leaking = f"{PROJECTOR}/bookmarks?run=.&name=x"
        assert KEY in (await careless.get(leaking)).text
        for question in (f"{PROJECTOR}/info?run=.", leaking, f"{PROJECTOR}/metadata?run=.&name=x&num_rows=9"):
            answer = await shown.browser.get(question)
            assert answer.status_code == 400 and KEY not in answer.text
    shown.shelf.fill()
    shown.folder.unlink()
    aside.rename(shown.folder)
    (shown.folder / "outwards").symlink_to(host)
    write_event(shown.folder / "mine", "mine")
    shown.shelf.fill()
    await shown.tells_of(".", "mine")


async def test_it_has_nothing_of_the_platforms_environment(shown: Shown) -> None:
    def environments() -> list[dict[str, str]]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.fsencode(shown.shelf.files) in (process / "cmdline").read_bytes():
                    pairs = (process / "environ").read_text().split("\0")
                    found.append(dict(pair.split("=", 1) for pair in pairs if pair))
            except OSError:
                continue
        return found

    await until(lambda: bool(environments()), "it is there")
    for environment in environments():
        assert "canary-4711" not in json.dumps(environment)
        assert not [name for name in environment if name.startswith("JOBYARD")]
        assert environment["HOME"] == str(shown.shelf.home)
