"""The way into pods: programs started beside a run's command, for as long as whoever asked holds on to them."""

import asyncio

from services.executor.backends.kubernetes import commands, programs
from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.children import Relay
from services.executor.backends.kubernetes.wrapper import SHELL
from services.executor.backends.protocol import Execution
from shared.contracts.errors import Unavailable
from shared.contracts.streams import Child

ANSWER_S = 15.0


class Entrance:
    """Into the pods of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._relays: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def run(self, pod: Document, script: str) -> str:
        """What a line of shell in the pod writes. Raises ApiError, ClusterAway, TimeoutError."""
        async with asyncio.timeout(ANSWER_S):
            said = await commands.said(self._api, pod, [SHELL, "-c", script])
        return said.decode(errors="replace")

    async def exec(self, pod: Document, child: Child, folder: str) -> Execution:
        """See `protocol.Backend.exec`. Of a child without a name."""
        command = programs.entering(child, folder)
        relay = Relay(self._api, pod, child, command)
        task = asyncio.create_task(relay.carry(), name=f"child of {pod['metadata']['name']}")
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)
        try:
            async with asyncio.timeout(ANSWER_S):
                pid = await relay.started
        except BaseException as error:
            relay.caller.close()
            task.cancel()
            if isinstance(error, TimeoutError | ApiError | ClusterAway):
                raise Unavailable(f"The job's container does not let anybody in now: {error}") from error
            raise
        return relay.caller.execution(pid)
