"""Says what runs are, from their files and the engine's word, and hears when that changes.

The engine's events only make this look: what was missed in a silence of the engine's is seen in the look after it. What
has ended stays so, and is not asked for again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog

from services.executor.backends.docker.engine import Declined, Engine
from services.executor.backends.docker.files import Marks, RunFiles
from services.executor.backends.docker.judging import judged
from services.executor.backends.docker.names import HOME, name_of, run_of
from services.executor.backends.protocol import Changed
from services.executor.domain.observation import Live, Observation, Started, Waiting

log = structlog.get_logger()

OUTPUT_S = 0.2
"""Between two looks at whether runs have written something."""
AGAIN_S = 1.0
"""Until the engine is asked again for its events, when it has gone."""


class Observing:
    """The runs of one backend; `tell` and `note` get what is new of them, `ended` hears once of each that is over."""

    def __init__(
        self,
        engine: Engine,
        files: RunFiles,
        home_id: str,
        boot_id: str,
        tell: Changed,
        note: Callable[[str], None],
        ended: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._files = files
        self._home_id = home_id
        self._boot_id = boot_id
        self._tell = tell
        self._note = note
        self._ended = ended
        self._written: dict[str, int] = {}
        self._over: dict[str, Observation] = {}
        self._told: dict[str, Observation] = {}

    def is_over(self, run_id: str) -> bool:
        """As far as it was looked at."""
        return run_id in self._over

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        """What they are now, which counts as told. Raises EngineAway."""
        seen = dict(zip(run_ids, await asyncio.gather(*map(self._seen_apart, run_ids)), strict=True))
        self._told.update(seen)
        return seen

    async def look(self, run_id: str) -> None:
        """And tell what is new: the engine's events come beside what a launch and a stop look at themselves."""
        seen = await self._seen(run_id)
        if not isinstance(seen, Waiting) and self._told.get(run_id) != seen:
            self._told[run_id] = seen
            self._tell(run_id, seen)

    def forget(self, run_id: str) -> None:
        self._over.pop(run_id, None)
        self._told.pop(run_id, None)
        self._written.pop(run_id, None)

    async def hear(self) -> None:
        """Look at whatever container starts or ends; after a silence of the engine's, at all that live."""
        since = int(time.time())
        while True:
            try:
                async for name in self._engine.events(f"{HOME}={self._home_id}", since):
                    run_id = run_of(self._home_id, name)
                    if run_id is not None:
                        await self.look(run_id)
            except OSError as error:
                log.warning("engine_events_ended", reason=str(error))
            since = int(time.time())
            await asyncio.sleep(AGAIN_S)
            await self._look_at_all()

    async def look_at_output(self) -> None:
        while True:
            for run_id, before in list(self._written.items()):
                size = self._files.written(run_id)
                if size != before and run_id in self._written:
                    self._written[run_id] = size
                    self._note(run_id)
            await asyncio.sleep(OUTPUT_S)

    async def _look_at_all(self) -> None:
        for run_id in list(self._written):
            try:
                await self.look(run_id)
            except Declined as error:
                log.warning("container_not_seen", run_id=run_id, reason=str(error))
            except OSError:
                return

    async def _seen_apart(self, run_id: str) -> Observation:
        """As it was last seen, while the engine does not say what this one container is: the others are seen anew."""
        try:
            return await self._seen(run_id)
        except Declined as error:
            log.warning("container_not_seen", run_id=run_id, reason=str(error))
            return self._told.get(run_id, Waiting())

    async def _seen(self, run_id: str) -> Observation:
        if run_id in self._over:
            return self._over[run_id]
        marks = await asyncio.to_thread(self._files.read, run_id)
        container = None
        if _concerns_engine(marks):
            container = await self._engine.inspect(name_of(self._home_id, run_id))
            marks = await asyncio.to_thread(self._files.read, run_id)  # its last words came before its end
        seen = judged(marks, container, self._boot_id)
        if isinstance(seen, Started):
            self._written.setdefault(run_id, 0)
        elif not isinstance(seen, Live):
            self._over[run_id] = seen
            self._written.pop(run_id, None)
            self._ended(run_id)
        return seen


def _concerns_engine(marks: Marks) -> bool:
    return marks.refused is None and marks.buried_ns is None and (marks.begun or marks.start is not None)
