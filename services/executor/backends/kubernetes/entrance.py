"""The way into pods: programs started beside a run's command, by whoever asks, and found again by their names.

One without a name lives as long as its caller holds on to it; one with a name as long as the run, or until it is told
to stop. What an earlier executor process has left of both is taken up when this one begins.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakValueDictionary

import structlog

from services.executor.backends.kubernetes import commands, lasting, programs
from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.children import AWAY, Relay
from services.executor.backends.kubernetes.pauses import Pauses
from services.executor.backends.kubernetes.programs import Process
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.backends.kubernetes.watched import Watched
from services.executor.backends.kubernetes.ways import Ways
from services.executor.backends.process.callers import CONNECTIONS
from services.executor.backends.process.children import NOT_STARTED, PROGRAM_MISSING, STOPPING, TOO_MANY
from services.executor.backends.protocol import Execution
from services.executor.domain.pod_shell import SHELL, ShellUse, use_of
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.streams import Child

log = structlog.get_logger()

_PAUSES_S = (0.5, 60.0)
GONE = Process(0, 0)
"""In place of a program that has ended while nobody watched: its last words are still to be had."""


class Entrance:
    """Into the pods of one cluster.

    `pod_of`: of a run that lives; it raises Conflict for others. `hidden_of`: what is masked in a run's words.
    """

    def __init__(
        self,
        api: Api,
        ways: Ways,
        pod_of: Callable[[str], Awaitable[Document]],
        hidden_of: Callable[[str, Document], Awaitable[Sequence[str]]],
    ) -> None:
        self._api = api
        self._ways = ways
        self._pod_of = pod_of
        self._hidden_of = hidden_of
        self._tasks = Tasks()
        self._closed = False
        self._relays: Counter[str] = Counter()
        self._watched: dict[tuple[str, str], Watched] = {}
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def close(self) -> None:
        self._closed = True
        tasks = self._tasks.under_way()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def take_up(self) -> None:
        """What was left: children that nobody holds any more are hung up, programs that last are watched again."""
        left, lasts = await asyncio.to_thread(lambda: (list(self._ways.left()), list(self._ways.lasting())))
        for run_id, child in left:
            self._tasks.spawn(self._hang_up(run_id, child))
        for run_id, name in lasts:
            self._tasks.spawn(self._find(run_id, name))

    async def run(self, pod: Document, script: str) -> str:
        """What a line of shell in the pod writes. Raises ApiError, ClusterAway, ConnectionError."""
        return _text(await commands.said(self._api, pod, [SHELL, "-c", script]))

    async def exec(self, run_id: str, pod: Document, child: Child | str, folder: str) -> Execution:
        """See `protocol.Backend.exec`."""
        if use_of(pod) is ShellUse.NONE:
            raise _without_shell(child)
        if isinstance(child, Child) and self._count(run_id) >= CONNECTIONS:
            message = f"{CONNECTIONS} shells and programs are open in the run. Close some of them."
            raise Conflict(message, details={"code": TOO_MANY})
        try:
            if isinstance(child, str):
                return await self._lasting(run_id, pod, child, lasting.finding(child))
            told = programs.told(child)
            if child.name is not None:
                return await self._lasting(run_id, pod, child.name, lasting.starting(child, folder), told)
            return await self._child(run_id, pod, child, programs.entering(child, folder), told)
        except (*AWAY, TimeoutError) as error:
            raise Unavailable(f"The job's container does not let anybody in now: {error}") from error

    def _count(self, run_id: str) -> int:
        return self._relays[run_id] + sum(
            watched.holders for (run, _), watched in self._watched.items() if run == run_id
        )

    # --- those that end with their caller

    async def _child(self, run_id: str, pod: Document, child: Child, command: Sequence[str], told: bytes) -> Execution:
        async def noted(process: Process, begun: bool) -> None:
            await asyncio.to_thread(self._ways.note if begun else self._ways.drop, run_id, process)

        relay = Relay(self._api, pod, child, command, told, lambda: self._lives(run_id), noted)
        carrying = asyncio.create_task(self._carry(run_id, relay))
        self._tasks.hold(carrying)
        try:
            async with asyncio.timeout(commands.ANSWER_S):
                return relay.caller.execution(await asyncio.shield(relay.started))
        except BaseException:
            relay.caller.close()
            carrying.cancel()
            raise

    async def _carry(self, run_id: str, relay: Relay) -> None:
        self._relays[run_id] += 1
        try:
            await relay.carry()
        finally:
            self._relays[run_id] -= 1
            if not self._relays[run_id]:
                del self._relays[run_id]
            if relay.left is not None and not self._closed:
                self._tasks.spawn(self._hang_up(run_id, relay.left))

    async def _hang_up(self, run_id: str, child: Process) -> None:
        """Again and again while the run lives: nobody else will. The next process goes on with what is left."""
        pauses = Pauses(*_PAUSES_S)
        while True:
            try:
                pod = await self._pod_of(run_id)
                await commands.said(self._api, pod, programs.hanging_up(child))
                break
            except Conflict:
                log.info("child_gone_with_its_run", run_id=run_id)
                break
            except (ApiError, OSError) as error:  # the cluster is away, or this disk
                log.warning("child_not_hung_up", run_id=run_id, error=str(error))
            await asyncio.sleep(pauses.next())
        await asyncio.to_thread(self._ways.drop, run_id, child)

    # --- those that last

    async def _lasting(
        self, run_id: str, pod: Document, name: str, command: Sequence[str], told: bytes = b""
    ) -> Execution:
        """Of a program that is watched already nothing is asked. `told`: to the command, if it starts the program.

        Raises Conflict.
        """
        async with self._turns.setdefault((run_id, name), asyncio.Lock()):
            watched = self._watched.get((run_id, name))
            if watched is None:
                watched = await self._begun(run_id, pod, name, command, told)
            elif watched.stopping and told:
                message = f"The {name} of the run is being stopped. Try again in a moment."
                raise Conflict(message, details={"code": STOPPING, "program": name})
            return watched.held()

    async def _begun(self, run_id: str, pod: Document, name: str, command: Sequence[str], told: bytes) -> Watched:
        """It runs, and is watched from now on. Raises Conflict."""
        try:
            said = _text(await commands.said(self._api, pod, command, told))
            process = programs.begun(said.partition("\n")[0].strip(), programs.REFUSALS if told else lasting.REFUSALS)
        except Conflict as refusal:
            if refusal.details.get("code") == NOT_STARTED:
                raise _not_started(name) from None
            raise
        await asyncio.to_thread(self._ways.begin, run_id, name)
        watched = self._watched_by(run_id, pod, name, process, await self._hidden_of(run_id, pod))
        self._watched[run_id, name] = watched
        self._tasks.spawn(self._watch(run_id, name, watched))
        return watched

    def _watched_by(self, run_id: str, pod: Document, name: str, process: Process, hidden: Sequence[str]) -> Watched:
        async def keep(data: bytes) -> None:
            await asyncio.to_thread(self._ways.keep_words, run_id, name, data)

        return Watched(self._api, pod, name, process, hidden, lambda: self._lives(run_id), keep)

    async def _watch(self, run_id: str, name: str, watched: Watched) -> None:
        try:
            await watched.watch()
        finally:
            if self._watched.get((run_id, name)) is watched:
                del self._watched[run_id, name]

    async def _find(self, run_id: str, name: str) -> None:
        """Watch it again, or take its last words."""
        try:
            pod = await self._pod_of(run_id)
        except Conflict:
            return  # its run has ended, and taken it along
        try:
            (await self._lasting(run_id, pod, name, lasting.finding(name))).close()
        except (Conflict, *AWAY) as error:
            log.info("program_not_watched", run_id=run_id, name=name, reason=str(error))
            if isinstance(error, Conflict) and error.details.get("code") == NOT_STARTED:
                await self._watched_by(run_id, pod, name, GONE, await self._hidden_of(run_id, pod)).watch()

    # --- both

    async def _lives(self, run_id: str) -> bool:
        try:
            await self._pod_of(run_id)
        except Conflict:
            return False
        return True


def _not_started(name: str) -> Conflict:
    message = f"Nothing with the name {name} runs in the run."
    return Conflict(message, details={"code": NOT_STARTED, "program": name})


def _without_shell(child: Child | str) -> Conflict:
    """All that is started beside a command is started by a shell in the pod."""
    if isinstance(child, str):
        return _not_started(child)
    message = f"The job's image has no {SHELL}, so nothing can be started beside its command. Use one that has a shell."
    return Conflict(message, details={"code": PROGRAM_MISSING, "program": SHELL})


def _text(said: bytes) -> str:
    return said.decode(errors="replace")
