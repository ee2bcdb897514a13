"""A program that lasts in a pod, watched as long as it lives, whether or not somebody holds on to it.

So its end is told to all who do, and what it wrote last is on this disk before that, the run's secrets masked in it.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable, Sequence

import structlog

from services.executor.backends.kubernetes import commands, lasting, programs
from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.channels import STDOUT
from services.executor.backends.kubernetes.children import AWAY
from services.executor.backends.kubernetes.control import KILLED, orders, tell_exit
from services.executor.backends.kubernetes.programs import Process
from services.executor.backends.kubernetes.words import Words, masked
from services.executor.backends.protocol import Execution

log = structlog.get_logger()

_AGAIN_S = 1.0
"""Between two tries to watch, while the cluster is away."""
_STRANGE_S = 60.0
"""Likewise, where something else has spoken than the script that watches."""
_ASIDE_BYTES = 1 << 16
"""The script says nothing on its stderr, but for what a shell may say when it begins."""
_WORDS_S = 1.0
"""Between two times that words are taken of a living program: a run can say as many as it likes in its name."""
_STOP_S = 120.0
"""It waits for the program's end, and longer in an image whose `sleep` knows no parts of a second."""


class NotTheScript(Exception):
    """What is in the pod speaks in the place of the script that watches the program."""


class Watched:
    """`lives`: whether its run still does. `keep` stores its words."""

    def __init__(
        self,
        api: Api,
        pod: Document,
        name: str,
        process: Process,
        hidden: Sequence[str],
        lives: Callable[[], Awaitable[bool]],
        keep: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._api = api
        self._pod = pod
        self._name = name
        self._process = process
        self._hidden = hidden
        self._lives = lives
        self._keep = keep
        self._holders: dict[socket.socket, asyncio.Task[None]] = {}
        self._stops: set[asyncio.Task[None]] = set()
        self.stopping = False

    @property
    def holders(self) -> int:
        return len(self._holders)

    def held(self) -> Execution:
        """One more who holds on to it."""
        control, ours = socket.socketpair()
        for end in (control, ours):
            end.setblocking(False)
        self._holders[ours] = asyncio.create_task(self._orders(ours))
        return Execution(self._process.pid, control, {})

    async def watch(self) -> None:
        """Until it has ended, and everybody who holds on to it was told."""
        try:
            code = await self._end()
            for control in list(self._holders):
                await tell_exit(control, code)
        finally:
            tasks = [*self._holders.values(), *self._stops]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self) -> int:
        """Its exit code."""
        while True:
            pause_s = _AGAIN_S
            try:
                with contextlib.suppress(*AWAY):
                    code = await self._followed()
                    if code is not None:
                        return code
            except NotTheScript:
                log.warning("program_not_understood", pod=self._pod["metadata"]["name"], program=self._name)
                pause_s = _STRANGE_S
            if not await self._lives():
                return KILLED
            await asyncio.sleep(pause_s)

    async def _followed(self) -> int | None:
        """None: the stream has ended before the program did. Raises NotTheScript at once when it speaks otherwise."""
        token = secrets.token_hex(8)
        words, aside = Words(token), 0
        command = lasting.watching(self._name, token)
        async with commands.started(self._api, self._pod, command) as channels:
            async for channel, data in channels.received():
                if channel != STDOUT:
                    aside += len(data)
                elif words.feed(data) and words.said is not None:
                    await self._kept(words.said, ended=False)
                    await asyncio.sleep(_WORDS_S)
                if words.strange or aside > _ASIDE_BYTES:
                    raise NotTheScript
                if words.whole:
                    break
        if words.code is not None:
            await self._kept(words.last(), ended=True)
        return words.code

    async def _kept(self, data: bytes, ended: bool) -> None:
        try:
            await self._keep(masked(data, self._hidden, ended))
        except OSError as error:  # what a full disk cannot take is lost
            log.warning("words_not_kept", pod=self._pod["metadata"]["name"], error=str(error))

    async def _orders(self, control: socket.socket) -> None:
        try:
            async for order in orders(control):
                if "stop" in order:
                    self._stop()
                else:
                    await self._beside(programs.signalling(self._process, order["signal"]))
        finally:
            self._holders.pop(control, None)
            control.close()

    def _stop(self) -> None:
        if not self.stopping:
            self.stopping = True
            task = asyncio.create_task(self._beside(lasting.stopping(self._name), _STOP_S))
            self._stops.add(task)

    async def _beside(self, command: Sequence[str], within_s: float = commands.ANSWER_S) -> None:
        try:
            await commands.said(self._api, self._pod, command, within_s=within_s)
        except AWAY as error:
            self.stopping = False
            log.warning("program_not_told", pod=self._pod["metadata"]["name"], error=str(error))
