"""How far this replica has read the stream, and those who wait for it to get further."""

import asyncio


class Progress:
    """The sequence of the last message whose lines are in the rings."""

    def __init__(self) -> None:
        self.position = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def advance(self, position: int) -> None:
        """Everything up to `position` was read."""
        self.position = position
        if self._waiting:
            for target, reached in self._waiting:
                if target <= position and not reached.done():
                    reached.set_result(None)
            self._waiting = [pair for pair in self._waiting if not pair[1].done()]

    async def reach(self, target: int, timeout_s: float) -> None:
        """Wait until `target` was read. Raises TimeoutError."""
        if target <= self.position:
            return
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((target, reached))
        async with asyncio.timeout(timeout_s):
            await reached
