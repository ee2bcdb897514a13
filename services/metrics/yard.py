"""The yard's history in memory: read from the stream CLUSTER at the start, kept up with it, and asked page by page."""

from datetime import timedelta

from pydantic import ValidationError

from services.metrics.domain.history import History
from services.metrics.domain.page import PAGE_BYTES
from services.metrics.query import grid_of
from shared.bus.bus import Bus
from shared.bus.codec import Undecodable
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.cluster import ClusterSample, HistoryPage, QueryHistory
from shared.contracts.errors import Unavailable

VALUE_BYTES = 16
"""The most that a value takes as JSON, its comma included."""
NAMES_BYTES = 512
"""Of a series, beside its values."""
AHEAD = timedelta(hours=1)
"""A sample of a moment that is so far in the future was made by a wrong clock, and would push out all others."""


class YardHistory:
    """A replica's own. It answers once it has all that the stream held when it began: less would look like a gap."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._history = History()
        self._position = 0
        self._awaited: int | None = None

    async def begin(self) -> None:
        """Note how far the stream reaches; it is followed from its beginning."""
        state = (await self._bus.js.stream_info(subjects.CLUSTER)).state
        self._awaited = state.last_seq if state.messages else 0

    def add(self, sequence: int, sample: ClusterSample | None) -> None:
        """Take what the stream delivered; None: a message that was no sample."""
        self._position = sequence
        if sample is not None and sample.time < self._clock.now() + AHEAD:
            self._history.add(sample)

    def page(self, ask: QueryHistory) -> HistoryPage:
        """Raises Invalid, Unavailable."""
        grid = grid_of(ask)
        if self._awaited is None or self._position < self._awaited:
            raise Unavailable("The metrics service is still reading the history of the yard. Ask again in a moment.")
        most = max(PAGE_BYTES // (NAMES_BYTES + (grid.last + 1) * VALUE_BYTES), 1)
        vcs = None if ask.vcs is None else frozenset(ask.vcs)
        series, more = self._history.series(grid, vcs, ask.skip, most)
        return HistoryPage(series=series, more=more)


def sample_of(subject: str, payload: bytes) -> ClusterSample | Undecodable:
    """The sample, or what is wrong with it: a bad message stays in the stream for whoever looks into it."""
    try:
        return ClusterSample.model_validate_json(payload)
    except ValidationError as error:
        return Undecodable(f"{subject} does not carry a sample of the yard: {error}")
