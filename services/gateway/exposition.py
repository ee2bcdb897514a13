"""What Prometheus reads of this process. The page is for everybody, and writing it holds up all other requests.

So whoever asks at one time gets one text, and writing takes no more than a fifth of the time however many ask. Nobody
gets a text that is older than the question.
"""

import asyncio

from prometheus_client import CollectorRegistry, generate_latest

REST = 4
"""After a text comes a pause that is so many times as long as it took."""


class Exposition:
    """The text, for many readers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._next: asyncio.Task[bytes] | None = None
        self._pause_ends = 0.0

    async def text(self) -> bytes:
        """What there is to say, now or in a moment."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._write())
        return await asyncio.shield(self._next)  # a reader that goes away takes nothing from the others

    async def _write(self) -> bytes:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._pause_ends - loop.time())
        self._next = None  # who asks from here on waits for another one
        began = loop.time()
        text = generate_latest(self._registry)
        self._pause_ends = loop.time() + REST * (loop.time() - began)
        return text
