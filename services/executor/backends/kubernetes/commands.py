"""Commands in a pod's container beside the run's own, through the API server.

Each has a websocket of its own, so no two mix their output; the message on its channel ERROR is the last of it, and
says how the command ended.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.channels import ERROR, EXEC_PROTOCOL, STDIN, STDOUT, Channels, exit_code
from services.executor.backends.kubernetes.pods import path_of
from services.executor.domain import pod_names as names

SAID_BYTES = 1 << 20
"""The most that is taken of what a command says: a table of some thousand sockets."""
ANSWER_S = 30.0


@asynccontextmanager
async def started(
    api: Api, pod: Document, command: Sequence[str], stdin: bool = False, terminal: bool = False
) -> AsyncIterator[Channels]:
    """Its streams, until it has ended or the caller leaves. Raises ApiError, ClusterAway."""
    asked = {"container": names.CONTAINER, "stdout": "true", "stdin": str(stdin).lower(), "tty": str(terminal).lower()}
    if not terminal:
        asked["stderr"] = "true"
    query = [*asked.items(), *(("command", word) for word in command)]
    async with api.websocket(f"{path_of(pod)}/exec", query, EXEC_PROTOCOL) as connection:
        yield Channels(connection)


async def said(api: Api, pod: Document, command: Sequence[str], told: bytes = b"", within_s: float = ANSWER_S) -> bytes:
    """What it writes until its end, or the beginning of that, for what is in a pod may write without end, or nothing
    and not end. `told`: what it reads.

    Raises ApiError, ClusterAway, and ConnectionError when it could not be run, or has not ended in that time.
    """
    try:
        async with asyncio.timeout(within_s):
            return await _said(api, pod, command, told)
    except TimeoutError:
        raise ConnectionError("the job's container does not answer in time") from None


async def _said(api: Api, pod: Document, command: Sequence[str], told: bytes) -> bytes:
    written, received = bytearray(), 0
    async with started(api, pod, command, stdin=bool(told)) as channels:
        await channels.tell(STDIN, told)
        async for channel, data in channels.received():
            if channel == ERROR:
                return _of_a_command(bytes(written), data)
            received += len(data)
            if channel == STDOUT:
                written += data
            if received > SAID_BYTES:
                return bytes(written[:SAID_BYTES])
    raise ConnectionError("the connection to the job's container broke")


def _of_a_command(written: bytes, status: bytes) -> bytes:
    try:
        exit_code(status)
    except ValueError as error:
        raise ConnectionError(str(error)) from error
    return written
