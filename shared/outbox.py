"""The relay of an outbox: what a document's history holds above its mark is published, in order, and then marked.

A change and its event are one write, so nothing is published that was not stored. The replica that committed hands
the document over here; what it could not finish (a kill between store and publish) the sweep of any replica takes up.
The mark is written lazily: repetitions carry the same message id, and the stream keeps one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Generic, TypeVar

import structlog

from shared.bus.bus import Bus
from shared.contracts.errors import PermanentError, TemporaryError
from shared.contracts.events import AnyCloudEvent
from shared.store.port import Collection, Document, Marked

log = structlog.get_logger()

SWEEP_S = 5.0
PAGE = 500
MARK_S = 1.0
IN_FLIGHT = 128
REMEMBERED = 20_000

D = TypeVar("D", bound=Document)
Composer = Callable[[D, int], Sequence[tuple[str, AnyCloudEvent]]]
"""(document, version) -> the events of all later versions with their subjects, in order."""


class Outbox(Generic[D]):
    """Publishes the history of one collection's documents."""

    def __init__(self, bus: Bus, collection: Collection[D], compose: Composer[D]) -> None:
        self._bus = bus
        self._collection = collection
        self._compose = compose
        self._newest: dict[str, D] = {}
        self._since: dict[str, float] = {}
        self._relayed: dict[str, int] = {}
        self._unmarked: dict[str, int] = {}
        self._suspects: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._marking = asyncio.Lock()

    @property
    def lag(self) -> int:
        """Documents with events that are not yet published."""
        return len(self._newest)

    @property
    def oldest_s(self) -> float:
        """For how long the one of them that was handed over first waits; 0: there is none."""
        return time.monotonic() - next(iter(self._since.values())) if self._since else 0.0

    def committed(self, documents: Iterable[D]) -> None:
        """Hand over documents that were just stored; returns at once."""
        for document in documents:
            known = self._newest.get(document.id)
            if known is None:
                self._newest[document.id] = document
                self._since[document.id] = time.monotonic()
                task = asyncio.get_running_loop().create_task(self._relay(document.id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            elif document.version > known.version:
                self._newest[document.id] = document

    async def run(self) -> None:
        """Sweep and mark until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._every(MARK_S, self._mark))
            await self._once(partial(self.sweep, everything=True))
            group.create_task(self._every(SWEEP_S, self.sweep))

    async def sweep(self, everything: bool = False) -> None:
        """Take up what stayed behind since the last sweep: its own replica would have published it by now.

        What lies behind a whole page of that has not been seen before, and is taken up as it is, when the page is done:
        repetitions carry the same message id. Ends at a page that is not whole, or of which nothing could be published.
        """
        while True:
            behind = await self._collection.behind(limit=PAGE)
            marks = {found.document.id: found.mark for found in behind}
            if everything and marks == self._suspects:
                return
            late = [found for found in behind if everything or self._is_late(found)]
            self._suspects = marks
            if late:
                log.info("outbox_swept", documents=len(late))
                self.committed(found.document for found in late)
            if len(late) < PAGE:
                return
            await asyncio.wait(set(self._tasks))
            await self._mark()
            everything = True

    async def drain(self) -> None:
        """Publish what was handed over, and write the marks."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._mark()

    async def _relay(self, id: str) -> None:
        try:
            async with self._slots:
                await self._publish_all(id)
        except TemporaryError as error:
            log.warning("relay_delayed", id=id, error=repr(error))
        finally:
            del self._newest[id], self._since[id]

    async def _publish_all(self, id: str) -> None:
        relayed = self._relayed.pop(id, None)
        document = self._newest[id]
        if relayed is None:
            relayed = 0 if document.version == 1 else await self._stored_mark(id)
        while relayed < (document := self._newest[id]).version:
            for subject, event in self._compose(document, relayed):
                await self._publish(subject, event)
            relayed = document.version
            self._unmarked[id] = relayed
        self._relayed[id] = relayed
        if len(self._relayed) > REMEMBERED:
            self._relayed.pop(next(iter(self._relayed)))

    async def _publish(self, subject: str, event: AnyCloudEvent) -> None:
        """One that no stream will ever take must not keep back those after it, which carry the newer state."""
        try:
            await self._bus.publish(subject, event)
        except PermanentError as error:
            log.error("event_unpublishable", id=event.id, subject=subject, error=str(error))

    async def _stored_mark(self, id: str) -> int:
        marked = await self._collection.marked(id)
        return max(marked.mark if marked else 0, self._unmarked.get(id, 0))

    def _is_late(self, found: Marked[D]) -> bool:
        id = found.document.id
        published = max(self._relayed.get(id, 0), self._unmarked.get(id, 0))
        return self._suspects.get(id) == found.mark and published < found.document.version

    async def _mark(self) -> None:
        async with self._marking:  # whoever returns from here has all marks written
            marks, self._unmarked = self._unmarked, {}
            if not marks:
                return
            try:
                await self._collection.raise_marks(marks)
            except TemporaryError:
                for id, mark in marks.items():
                    self._unmarked[id] = max(mark, self._unmarked.get(id, 0))
                raise

    @classmethod
    async def _every(cls, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await cls._once(action)

    @staticmethod
    async def _once(action: Callable[[], Awaitable[None]]) -> None:
        try:
            await action()
        except TemporaryError as error:
            log.warning("outbox_delayed", error=repr(error))
