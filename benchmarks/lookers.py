"""People who look on while jobs change: many streams of events, and changes at a steady rate, in a thread of its own.

The changes go to the jobs service directly, so that what the gateway uses meanwhile is the price of being looked at.
"""

import asyncio
import random
import threading
import time
from types import TracebackType
from typing import Self

from shared.bus.bus import connect
from shared.contracts.commands.changes import SET_PRIORITY, SetPriority
from shared.contracts.job import Actor
from tests.support.platform import Platform

ACTOR = Actor(kind="user", name="admin")
PATIENT_S = 60.0


class Lookers:
    """`streams` readers of /api/v1/events, and while `changing` is set, `rate` changes of `ids` a second.

    Every second change is of one of `shown`. `made` has the moment of each, by (id, priority).
    """

    def __init__(self, platform: Platform, streams: int, rate: float, ids: list[str], shown: list[str]) -> None:
        self._platform = platform
        self._authorization = platform.headers()["Authorization"]
        self._streams, self._rate, self._ids, self._shown = streams, rate, ids, shown
        self._over = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="lookers")
        self.changing = threading.Event()
        self.made: dict[tuple[str, int], float] = {}
        self.read = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(60), "the streams are open"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(self._read()) for _ in range(self._streams)]
            await self._change()
            for reader in readers:
                reader.cancel()

    async def _read(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._platform.port)
        head = f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:{self._platform.port}\r\n"
        writer.write(f"{head}Authorization: {self._authorization}\r\n\r\n".encode())
        try:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            while piece := await reader.read(65_536):
                self.read += piece.count(b"\ndata:")
        finally:
            writer.close()

    async def _change(self) -> None:
        chosen = random.Random(7)
        async with connect(self._platform.nats_url, "benchmark") as bus, asyncio.TaskGroup() as tasks:
            self._ready.set()
            number, due = 0, time.monotonic()
            while not self._over.is_set():
                due = max(due, time.monotonic() - 1) + 1 / self._rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not self.changing.is_set():
                    continue
                number += 1
                id = chosen.choice(self._shown if number % 2 else self._ids)
                priority = 1 + number % 1000
                self.made[id, priority] = time.time() * 1e3
                wish = SetPriority(id=id, actor=ACTOR, priority=priority)
                tasks.create_task(bus.ask(SET_PRIORITY, wish, timeout=PATIENT_S))
