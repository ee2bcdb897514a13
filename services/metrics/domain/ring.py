"""The last hour of one job: a track for each of its ranks, over all attempts."""

from services.metrics.domain.grid import Grid, Points
from services.metrics.domain.line import Line
from services.metrics.domain.track import Track
from shared.contracts.metrics import Sample


class Ring:
    """All that METRICS of a job are drawn from. Not for several threads."""

    def __init__(self) -> None:
        self.position = 0
        """Stream sequence of the newest sample; what is not beyond it was seen."""
        self._tracks: dict[int, Track] = {}

    @property
    def bytes(self) -> int:
        return sum(track.bytes for track in self._tracks.values())

    def add(self, sequence: int, sample: Sample | None) -> None:
        """Take a sample that the stream delivered; None: a message that was none."""
        if sequence <= self.position:
            return
        self.position = sequence
        if sample is not None:
            self._tracks.setdefault(sample.rank, Track()).add(sample)

    def reaches(self, time: float) -> bool:
        """Whether it has all that there was from this moment on, of every rank."""
        return bool(self._tracks) and all(track.reaches(time) for track in self._tracks.values())

    def lines(self, grid: Grid) -> dict[Line, Points]:
        """Every line that has a point on the grid."""
        return {
            Line(figure.metric, figure.also, str(rank)): points
            for rank, track in self._tracks.items()
            for figure, points in track.lines(grid)
        }
