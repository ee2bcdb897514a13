"""The control socket of a child, from our side: what its caller asks for, and how its end is told (see `Execution`)."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator

from services.executor.domain.pod_ends import signal_of
from shared.streams.files import readable

KILLED = 137
"""The exit code of what SIGKILL ends, as everything is that is left in a pod when that ends."""
_SIGNAL = re.compile(r"^[A-Z0-9]{2,10}$")
_LINE_BYTES = 65_536


async def orders(control: socket.socket) -> AsyncIterator[dict[str, str]]:
    """`{"signal": "INT"}` and `{"stop": ""}`, until the caller has gone, or says what nobody understands."""
    rest = b""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        while True:
            await readable(control.fileno())
            data = control.recv(_LINE_BYTES)
            if not data or len(rest) > _LINE_BYTES:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                name = str(said.get("signal", ""))
                if _SIGNAL.match(name):
                    yield {"signal": name}
                elif said.get("stop"):
                    yield {"stop": ""}


async def tell_exit(control: socket.socket, code: int) -> None:
    """A container tells no signal but by its exit code."""
    name = signal_of(code)
    said = {"exit": code, "signal": name.removeprefix("SIG") if name else None, "core": False}
    with contextlib.suppress(OSError):
        await asyncio.get_running_loop().sock_sendall(control, json.dumps(said).encode() + b"\n")
