"""Runs services: opens the connections, wires what they listen to, runs their loops, and drains them on SIGTERM.

A service says what it is (`Service`), the runtime does what all have in common; nothing connects before `run`. The
order of a start misses nothing: streams are followed before the service's own `start` reads its state, and commands
are answered last. The end reverses it: no new commands, then the events under way, then the loops.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry

from shared import tracing
from shared.bus.bus import Bus, connect
from shared.bus.replies import router_of
from shared.bus.streams import bootstrap, require
from shared.bus.subscriptions import Answers, Subscription
from shared.bus.wiring import Wiring
from shared.clock import Clock, SystemClock
from shared.contracts.commands.health import AskHealth, Health, health_of
from shared.contracts.errors import TemporaryError
from shared.ending import ended
from shared.health import serve_health
from shared.logging import configure
from shared.measures import measure_bus, measure_consumers
from shared.meter import Meter
from shared.patience import until_each_works, until_it_works
from shared.settings import PlatformSettings
from shared.store.open import open_store
from shared.store.port import Store, StoreInUse
from shared.wrong_settings import EXIT_CODE, WrongSettings

log = structlog.get_logger()

DRAIN_S = 7.0

CHECK_S = 2.0

Loop = Callable[[], Awaitable[None]]


@dataclass
class Deps:
    """What a service is built from."""

    bus: Bus
    clock: Clock
    settings: PlatformSettings
    meter: Meter = field(default_factory=Meter)
    """What this process tells Prometheus about itself; all services of the process share it."""
    stores: list[Store] = field(default_factory=list)

    @property
    def registry(self) -> CollectorRegistry:
        """Of the meter: for what is no instrument of the platform, such as what jobs use."""
        return self.meter.registry

    def open_store(self, name: str, local: bool = False) -> Store:
        """A store of this service, opened before its `start`; `local`: on this machine even where there is MongoDB."""
        store = open_store(self.settings, name, local)
        self.stores.append(store)
        return store


@dataclass
class Service:
    """One service: what it listens to, and what it does by itself.

    `start` rebuilds its state in steps, each of which is tried again while what it needs is away, `loops` run until the
    end, `stop` comes after them. `declares`: it makes the streams.
    """

    name: str
    handlers: object
    subscriptions: Sequence[Subscription]
    node: str | None = None
    partitions: Sequence[int] | None = None
    declares: bool = False
    loops: Sequence[Loop] = ()
    start: Sequence[Loop] = ()
    stop: Loop | None = None


Build = Callable[[Deps], Service]


class Running:
    """One service at work in this process."""

    def __init__(self, build: Build, bus: Bus, settings: PlatformSettings, meter: Meter) -> None:
        self._deps = Deps(bus, SystemClock(), settings, meter)
        self.service = build(self._deps)
        alone = settings.mongo_url is None
        service = self.service
        self._wiring = Wiring(bus, service.handlers, service.subscriptions, service.node, service.partitions, alone)
        measure_consumers(meter, self._wiring.consumers)
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Open, follow, rebuild, then deliver and loop; the commands are answered when the broker starts."""
        for store in self._deps.stores:
            await until_it_works(store.open, f"{self.service.name}_store_away")
        await until_it_works(self._wiring.follow, f"{self.service.name}_streams_away")
        await until_each_works(self.service.start, f"{self.service.name}_start_delayed")
        for loop in [*self._wiring.loops(), *self.service.loops]:
            self._tasks.append(group.create_task(_keep_running(loop)))
        self._wiring.answer()
        answers = [Answers(health_of(self.service.name), Running.health)]
        self._deps.bus.broker.include_router(router_of(answers, self, None))
        self._started = True

    async def health(self, ask: AskHealth) -> Health:
        """Whether the service has started, its database answers, and NATS stores what it publishes."""
        message = "" if self._started else "starting"
        for kind, why in self._deps.bus.refusals.items():
            message = f"NATS does not store `{kind}` messages: {why}. If its disk is full, make room and restart it."
        try:
            for store in self._deps.stores:
                await store.ping()
        except TemporaryError as error:
            message = str(error)
        return Health(service=self.service.name, ready=not message, message=message)

    async def checked(self) -> Health:
        """The same for a probe, which does not wait for a database that is away."""
        try:
            async with asyncio.timeout(CHECK_S):
                return await self.health(AskHealth())
        except TimeoutError:
            return Health(service=self.service.name, ready=False, message="Its database does not answer in time.")

    async def stop(self) -> None:
        """Finish what is under way."""
        self._started = False
        await self._wiring.drain()
        await ended(*self._tasks)
        if self.service.stop is not None:
            await self.service.stop()

    def abandon(self) -> None:
        """Leave what is under way as it is: it is done again by whoever comes next."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        for store in self._deps.stores:
            await store.close()


def main(*builds: Build, loop: Literal["uvloop", "asyncio"] = "uvloop") -> None:
    """The whole life of a process with these services.

    Exits with 0 after SIGTERM or SIGINT, with EXIT_CODE when an operator has to change settings first, else with 1.
    """
    name = "+".join(build.__module__.split(".")[1] for build in builds)
    try:
        settings = PlatformSettings()
    except WrongSettings as error:
        configure(PlatformSettings.model_construct(), name)
        log.error("settings_wrong", error=str(error))
        sys.exit(EXIT_CODE)
    configure(settings, name)
    tracing.switch_on(settings)
    code = 0
    with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
        try:
            runner.run(run(builds, settings))
        except* StoreInUse as errors:
            code = 1
            _tell("store_in_use", errors)
        except* WrongSettings as errors:
            code = EXIT_CODE
            _tell("settings_wrong", errors)
        finally:
            tracing.shut_down()
    if code:
        sys.exit(code)


async def run(builds: Sequence[Build], settings: PlatformSettings) -> None:
    """Run these services in this process until a signal. Raises what ended one of them."""
    stop = asyncio.Event()
    starting = asyncio.current_task()

    def on_signal() -> None:
        stop.set()
        if starting is not None:
            starting.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    with suppress(asyncio.CancelledError):
        async with serving(builds, settings) as services:
            starting = None
            log.info("ready", services=[service.service.name for service in services])
            await stop.wait()
            log.info("stopping")
    log.info("stopped")


@asynccontextmanager
async def serving(builds: Sequence[Build], settings: PlatformSettings) -> AsyncIterator[list[Running]]:
    """These services at work in this event loop, drained at the end."""
    async with connect(settings.nats_url, "+".join(build.__module__ for build in builds)) as bus:
        meter = Meter()
        measure_bus(meter, bus)
        services = [Running(build, bus, settings, meter) for build in builds]
        if any(running.service.declares for running in services):
            declare = partial(bootstrap, bus.js, settings)
            bus.on_reconnect(partial(until_it_works, declare, "streams_away"))
        else:
            declare = partial(require, bus.js)
        await until_it_works(declare, "streams_away")
        try:
            async with asyncio.TaskGroup() as group:
                closed = group.create_task(_fail_when_closed(bus))
                health = group.create_task(_serve_health(settings, services, meter))
                for service in services:
                    await service.start(group)
                await bus.broker.start()
                yield services
                try:
                    async with asyncio.timeout(DRAIN_S):
                        await _drain(bus, services)
                except TimeoutError:
                    log.warning("drain_given_up", after_s=DRAIN_S)
                    for service in services:
                        service.abandon()
                closed.cancel()
                health.cancel()
        finally:
            for service in services:
                await service.close()


async def _drain(bus: Bus, services: Sequence[Running]) -> None:
    """Answer the commands that have arrived, take no new ones, then stop the services."""
    await bus.stop_answering()
    for service in services:
        await service.stop()


async def _fail_when_closed(bus: Bus) -> None:
    await bus.closed.wait()
    raise ConnectionError("the connection to NATS was closed for good")


async def _serve_health(settings: PlatformSettings, services: Sequence[Running], meter: Meter) -> None:
    async def check() -> list[Health]:
        return await asyncio.gather(*(service.checked() for service in services))

    if settings.health_port is not None:
        token = settings.metrics_token.get_secret_value() if settings.metrics_token is not None else None
        await serve_health(settings.health_host, settings.health_port, check, meter, token)


async def _keep_running(loop: Loop) -> None:
    """Run a loop for good; what it could not reach for a time does not end it."""
    await until_it_works(loop, "loop_delayed", patient_s=0)


def _tell(event: str, errors: ExceptionGroup) -> None:
    for error in errors.exceptions:
        log.error(event, error=str(error))


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "asyncio":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop
