"""The backend `docker`: runs as containers, found again after a restart by their names, labels and files."""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from services.executor.backends.docker import runtime
from services.executor.backends.docker.containers import NOWHERE, Kind, Limits, Surroundings
from services.executor.backends.docker.doors import ContainerDoors
from services.executor.backends.docker.ending import Ending
from services.executor.backends.docker.engine import Declined, Engine
from services.executor.backends.docker.fetching import STALL_S
from services.executor.backends.docker.files import RunFiles
from services.executor.backends.docker.launching import Launching
from services.executor.backends.docker.names import home_id_of, name_of
from services.executor.backends.docker.networks import Networks
from services.executor.backends.docker.observing import Observing
from services.executor.backends.docker.ports import Ports
from services.executor.backends.docker.reading import reading_of
from services.executor.backends.docker.users import Users
from services.executor.backends.process import linux, marks
from services.executor.backends.process.entrance import Entrance
from services.executor.backends.protocol import AnswersItself, Changed, Execution, RunOrder
from services.executor.backends.standing import Standing
from services.executor.domain.observation import Observation
from services.executor.domain.pulling import Pull
from services.executor.domain.reading import Reading
from services.executor.domain.record import rank_of
from shared.contracts.job import Reason
from shared.contracts.streams import Child

log = structlog.get_logger()

KindOf = Callable[[RunOrder], Kind | None]


class DockerBackend:
    """Runs under `home`: `home/runs/<run id>.*` are a run's files. The engine must see the same paths as this process.

    `kind_of`: of the real devices that a run is given; `registries`: patterns of those that images may come from;
    `stall_s`: for how long nothing of an image may arrive.
    """

    uses_images = True
    reports_beside_job = False

    def __init__(
        self,
        home: Path,
        host: str,
        users: Users,
        limits: Limits,
        default_image: str | None = None,
        network: str = "bridge",
        kind_of: KindOf = lambda order: None,
        registries: Sequence[str] = (),
        stall_s: float = STALL_S,
    ) -> None:
        self._home = home.absolute()
        self._home_id = home_id_of(self._home)
        self._boot_id = linux.boot_id()
        self._users = users
        self._default_image = default_image
        self._network = network
        self._registries = registries
        self._stall_s = stall_s
        self._limits = limits
        self._kind_of = kind_of
        self._engine = Engine(host)
        self._files = RunFiles(self._home / "runs")
        self._networks = Networks(self._engine, self._home_id, closed=network == NOWHERE)
        self._entrance = Entrance(ContainerDoors(self._engine, self._files, self._name))
        self._ports = Ports(self._entrance)
        self._launching: Launching | None = None
        self._launches: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._observing = Observing(
            self._engine, self._files, self._home_id, self._boot_id, self._tell, self._note, self._networks.leave
        )
        self._ending = Ending(self._engine, self._files, self._home_id, self._observing)
        self._standing = Standing()
        self._changed: Changed = lambda run_id, observation: None
        self._wrote: Callable[[str], None] = lambda run_id: None

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        self._changed = changed
        self._wrote = wrote
        (self._home / "runs").mkdir(mode=0o700, parents=True, exist_ok=True)
        prepared = await asyncio.to_thread(runtime.made, self._home)
        await self._engine.open()
        await self._networks.open()
        surroundings = Surroundings(
            home_id=self._home_id,
            boot_id=self._boot_id,
            runtime=prepared.folder,
            argv=prepared.argv,
            network=self._network,
            limits=self._limits,
            ipv6=linux.has_ipv6(),
        )
        self._launching = Launching(
            self._engine,
            self._networks,
            self._files,
            surroundings,
            self._users,
            self._default_image,
            self._registries,
            self._stall_s,
        )
        self._standing.begin(self._observing.hear())
        self._standing.begin(self._observing.look_at_output())

    async def stand(self) -> None:
        await self._standing.stand()

    async def close(self) -> None:
        tasks = [*self._standing.under_way(), *self._tasks, *self._ending.under_way(), *self._networks.under_way()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._engine.close()

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        for order in orders:
            if order.run_id not in self._launches and not self._observing.is_over(order.run_id):
                first = self._launches.get(rank_of(order.run_id)[0])
                task = asyncio.create_task(self._launch(order, first), name=order.run_id)
                self._launches[order.run_id] = task
                self._hold(task)
                task.add_done_callback(self._launched)

    async def stop(self, run_id: str) -> None:
        await asyncio.to_thread(self._files.ask_to_stop, run_id)
        launch = self._launches.get(run_id)
        if launch is not None and self._launching is not None and run_id in self._launching.fetching.under_way:
            launch.cancel()
            await asyncio.wait([launch])
        if run_id not in self._launches:  # else whoever launches it sees to it
            await self._ending.stop(run_id)

    async def force(self, run_ids: Sequence[str], reason: Reason) -> tuple[str, ...]:
        raise AnswersItself

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        return await self._observing.observe(run_ids)

    async def pulls(self, run_ids: Sequence[str]) -> dict[str, Pull]:
        fetching = self._launching.fetching.under_way if self._launching is not None else {}
        return {run_id: fetching[run_id].pull for run_id in run_ids if run_id in fetching}

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        alive = [run_id for run_id in run_ids if not self._observing.is_over(run_id)]
        found = await asyncio.gather(*map(self._stats, alive))
        now = time.time_ns()
        return {
            run_id: reading_of(stats, now)
            for run_id, stats in zip(alive, found, strict=True)
            if stats is not None and stats.get("memory_stats")  # empty: it has ended
        }

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        return await self._entrance.exec(run_id, child)

    async def dial(self, run_id: str, port: int) -> socket.socket:
        return await self._ports.dial(run_id, port)

    def output(self, run_id: str, child: str | None = None) -> Path:
        folder = "" if child is None else f"{marks.WAYS}/{child}"
        return Path(self._files.base(run_id) + folder + marks.OUTPUT)

    async def forget(self, run_ids: Sequence[str]) -> None:
        declined: Declined | None = None
        for run_id in run_ids:
            try:
                await self._forget(run_id)
            except Declined as error:  # of its container alone
                log.warning("container_not_removed", run_id=run_id, reason=str(error))
                declined = error
        if declined is not None:
            raise declined

    def _name(self, run_id: str) -> str:
        return name_of(self._home_id, run_id)

    async def _launch(self, order: RunOrder, first: "asyncio.Task[None] | None") -> None:
        """The first rank's network name is to be known before the others look for it."""
        assert self._launching is not None
        try:
            if first is not None:
                await asyncio.wait([first])
            await self._launching.launch(order, self._kind_of(order))
        except OSError as error:  # it waits, and whoever wants it started asks again
            log.warning("launch_delayed", run_id=order.run_id, reason=str(error))
        finally:
            del self._launches[order.run_id]  # from here on stops see to it themselves
        await self._after_launch(order.run_id)

    async def _after_launch(self, run_id: str) -> None:
        try:
            marks = await asyncio.to_thread(self._files.read, run_id)
            if marks.asked:
                await self._ending.stop(run_id)
            await self._observing.look(run_id)
        except OSError as error:
            log.warning("launch_not_seen", run_id=run_id, reason=str(error))

    def _launched(self, task: "asyncio.Task[None]") -> None:
        """Nobody waits for it, so what nobody has foreseen is said here."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        run_id = task.get_name()
        log.error("launch_failed", run_id=run_id, exc_info=error)
        if run_id not in self._launches:
            self._launches[run_id] = asyncio.create_task(self._give_up(run_id, error), name=run_id)
            self._hold(self._launches[run_id])

    async def _give_up(self, run_id: str, error: BaseException) -> None:
        assert self._launching is not None
        try:
            await self._launching.give_up(run_id, error)
            await self._observing.look(run_id)
        except OSError as away:  # whoever wants it started asks again
            log.warning("launch_not_given_up", run_id=run_id, reason=str(away))
        finally:
            del self._launches[run_id]

    def _hold(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forget(self, run_id: str) -> None:
        self._observing.forget(run_id)
        await self._engine.remove(self._name(run_id))
        await self._networks.forget(run_id)
        await asyncio.to_thread(self._files.remove, run_id)

    async def _stats(self, run_id: str) -> dict[str, Any] | None:
        try:
            return await self._engine.stats(self._name(run_id))
        except Declined as error:  # the others have figures all the same
            log.warning("container_not_measured", run_id=run_id, reason=str(error))
            return None

    def _tell(self, run_id: str, seen: Observation) -> None:
        self._changed(run_id, seen)

    def _note(self, run_id: str) -> None:
        self._wrote(run_id)
