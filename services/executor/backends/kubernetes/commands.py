"""Commands in a pod's container beside the run's own, through the API server.

Each has a websocket of its own, so no two mix their output; the message on its channel ERROR is the last of it, and
says how the command ended.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.channels import ERROR, EXEC_PROTOCOL, STDOUT, Channels, exit_code
from services.executor.backends.kubernetes.pods import path_of
from services.executor.domain import pod_names as names

SAID_BYTES = 1 << 20
"""The most that is taken of what a command says: a table of some thousand sockets."""


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


async def said(api: Api, pod: Document, command: Sequence[str]) -> bytes:
    """What it writes until its end, or the beginning of that, for what is in a pod may write without end.

    Raises ApiError, ClusterAway, and ConnectionError when it could not be run.
    """
    written = bytearray()
    async with started(api, pod, command) as channels:
        async for channel, data in channels.received():
            if channel == STDOUT:
                written += data
            elif channel == ERROR:
                return _of_a_command(bytes(written), data)
            if len(written) > SAID_BYTES:
                return bytes(written[:SAID_BYTES])
    raise ConnectionError("the connection to the job's container broke")


def _of_a_command(written: bytes, status: bytes) -> bytes:
    try:
        exit_code(status)
    except ValueError as error:
        raise ConnectionError(str(error)) from error
    return written
