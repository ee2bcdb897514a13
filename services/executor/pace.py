"""How often readers are told what unfinished lines show: the more runs show some, the less often."""

PACE_S = 0.25
"""At most so often an unfinished line is told."""
MOST_TOLD = 50
"""Messages a second about unfinished lines, however many runs show some: each is stored for a while."""


class Pace:
    """Of all runs of this node. Asked for each piece of output, so it goes through no runs."""

    def __init__(self) -> None:
        self._showing: set[str] = set()

    @property
    def seconds(self) -> float:
        """How long an unfinished line waits until it is told again."""
        return max(PACE_S, len(self._showing) / MOST_TOLD)

    def note(self, run_id: str, shows: bool) -> None:
        """Readers of this run see an unfinished line, or none any more."""
        if shows:
            self._showing.add(run_id)
        else:
            self._showing.discard(run_id)
