"""The jobs service's applier over a real store on disk, with a bus that takes every event."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.jobs.apply import Applier
from services.jobs.domain.document import JobDocument
from services.jobs.starts import Starts
from services.jobs.store import JobStore
from shared.bus.bus import Bus
from shared.contracts.commands.checkpoints import CHECKPOINTS
from shared.contracts.commands.command import Command
from shared.contracts.errors import Unavailable
from shared.contracts.events import AnyCloudEvent
from shared.meter import Meter
from shared.settings import PlatformSettings
from shared.store.open import open_store
from tests.support.clock import ManualClock
from tests.support.documents import NOW


class Taken(Bus):
    """Takes every event. Nodes answer with what `nodes` says of them, or not at all."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.nodes: dict[str, Any] = {}
        self.asked: list[Any] = []

    async def publish(self, subject: str, event: AnyCloudEvent) -> int:
        self.ids.append(event.id)
        return len(self.ids)

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        self.asked.append(ask)
        node = command.subject.removeprefix(f"{CHECKPOINTS.subject}.")
        if node not in self.nodes:
            raise Unavailable("The executor service does not answer. Try again in a moment.")
        return command.answer.model_validate_json(self.nodes[node](ask).model_dump_json())


@asynccontextmanager
async def applier(folder: Path) -> AsyncGenerator[tuple[Applier, ManualClock], None]:
    """The one writer of jobs, at NOW."""
    store = open_store(PlatformSettings(data=folder), "jobs", local=True)
    clock = ManualClock(NOW)
    running = Applier(JobStore(store), Taken(), clock, Starts(Meter()))
    await store.open()
    try:
        yield running, clock
        await running.outbox.drain()
    finally:
        await store.close()


def twin(first: Applier) -> Applier:
    """A second replica on the same store."""
    return Applier(first.store, first.bus, first.clock, first.starts)


async def stored(to: Applier, *jobs: JobDocument) -> list[str]:
    assert await to.store.jobs.insert_many(jobs) == [None] * len(jobs)
    return [job.id for job in jobs]


def named(job: JobDocument, id: str) -> JobDocument:
    """The same job under another id."""
    return job.model_copy(update={"id": id})
