"""A child's end, as whoever started it waits for it."""

import asyncio
import gc
import socket
from typing import Any

import pytest

from shared.contracts.errors import Unavailable
from shared.streams.process import Exit, Process
from tests.support.waiting import until


async def test_nobody_left_to_hear_that_an_end_is_unknown_is_no_error() -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        process = Process(0, ours, {})
        waiting = asyncio.create_task(process.ended())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait((waiting,))
        theirs.close()
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()}, "the end is unknown")
        del process, waiting
        gc.collect()
    assert complaints == []


async def test_whoever_waits_hears_the_end_or_that_it_is_unknown() -> None:
    for line, known in ((b'{"exit": 3, "signal": null, "core": false}\n', True), (b"", False)):
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours, theirs:
            process = Process(0, ours, {})
            theirs.sendall(line)
            theirs.close()
            if known:
                assert await process.ended() == Exit(3)
            else:
                with pytest.raises(Unavailable):
                    await process.ended()
