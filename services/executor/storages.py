"""Touches what belongs to jobs, so that a storage that does not answer keeps back nothing but what lies on it.

A hard mount of NFS gives no error while its server is away: whoever touches it stays in the kernel for as long, and
nothing can end that. So each touch has a thread of its own, for which nobody waits longer than some seconds, and a
storage, which is a file system, has so many of them at most. Where all of these hang, or the same path does already,
no further one is begun. A thread that comes back when it was given up finishes what it hung in: its result is nobody's.
So a touch is one thing that is done; what depends on it follows in another one.
"""

import asyncio
import contextlib
import contextvars
import errno
import os
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from services.executor.mounts import Mounts, MountTable

AT_ONCE = 8
"""Threads of one storage, those that hang included."""

PATIENCE_S = 10.0
"""How long a storage has for one touch."""

Result = TypeVar("Result")


class Silent(TimeoutError):
    """The storage that has this path does not answer."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ETIMEDOUT, "its storage does not answer", path)


class Storages:
    """Of one part of an executor, for whose work they have room."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._table = MountTable()
        self._storages: dict[str, _Storage] = {}

    async def at(self, path: Path, work: Callable[[], Result]) -> Result:
        """What this work at an absolute path comes to, done in a thread of the storage that the path leads to.

        Raises Silent, and what the work does.
        """
        mounts, text = self._table.now(), os.fspath(path)
        passed = mounts.devices(text)
        device: str | None = mounts.device(text)
        touch = _Touch(text, mounts, passed, work)
        while device is not None:
            passed.add(device)
            device = await self._storage(device).do(touch)
        result: Result = touch.result
        return result

    def _storage(self, device: str) -> "_Storage":
        return self._storages.setdefault(device, _Storage(self._patience_s))


class _Touch:
    """Some work at a path, which is done where that leads to. `passed`: the devices that may hang now."""

    def __init__(self, path: str, mounts: Mounts, passed: set[str], work: Callable[[], Any]) -> None:
        self.path = path
        self.result: Any = None
        self._mounts = mounts
        self._passed = passed
        self._work = work
        self.given_up = False
        """From here on nothing is begun."""

    def begin(self) -> str | None:
        """Do the work; or nothing but tell on which further device it is to be done."""
        device = self._mounts.beyond(self.path, self._passed)
        if device is None and not self.given_up:
            self.result = self._work()
        return device


class _Storage:
    """One of them, and who is there or waits to be."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._free = AT_ONCE
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()
        self._hanging: list[str] = []
        """The paths of threads that were given up, and have not come back."""

    async def do(self, touch: _Touch) -> str | None:
        """As `begin` of the touch. Raises Silent, and what its work does."""
        await self._room(touch.path)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[str | None] = loop.create_future()
        late = loop.call_later(self._patience_s, self._give_up, touch, answer)

        def come_back(device: str | None, error: Exception | None) -> None:
            late.cancel()
            if touch.given_up:
                self._hanging.remove(touch.path)
            self._leave()
            if answer.done():
                return
            if error is None:
                answer.set_result(device)
            else:
                answer.set_exception(error)

        def work() -> None:
            device, failure = None, None
            try:
                device = touch.begin()
            except Exception as error:  # noqa: BLE001  (it is raised where the work was asked for)
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is there any more
                loop.call_soon_threadsafe(come_back, device, failure)

        thread = Thread(target=contextvars.copy_context().run, args=(work,), name=f"at {touch.path}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            come_back(None, OSError(errno.EAGAIN, str(error), touch.path))
        return await answer

    async def _room(self, path: str) -> None:
        """Wait for a thread, while any of those that are there may still come back in time. Raises Silent."""
        if path in self._hanging or len(self._hanging) == AT_ONCE:
            raise Silent(path)
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((path, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._leave()
            raise

    def _leave(self) -> None:
        """The thread is the next one's that waits."""
        while self._waiting:
            _, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _give_up(self, touch: _Touch, answer: "asyncio.Future[str | None]") -> None:
        touch.given_up = True
        self._hanging.append(touch.path)
        if not answer.done():
            answer.set_exception(Silent(touch.path))
        if len(self._hanging) < AT_ONCE:
            return
        for path, turn in self._waiting:
            if not turn.done():
                turn.set_exception(Silent(path))
        self._waiting.clear()
