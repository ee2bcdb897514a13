"""What of a run's unfinished lines is to be told to those who look at its console, and when. Pure: times come in.

A stream is looked at once it has ended no line for a moment, and again after a while, and told of only if it looks
different: so a progress bar moves, and neither a flood of lines nor what shows nothing new costs much.
"""

from collections.abc import Iterable, Mapping

from services.executor.domain.lines import unfinished


class Telling:
    """What readers know of one run's unfinished lines. Streams are a frame's kinds; times are in seconds, monotonic."""

    def __init__(self) -> None:
        self._looked_at: dict[int, bytes] = {}
        self._told: dict[int, str] = {}
        self._not_before: dict[int, float] = {}

    @property
    def shows(self) -> bool:
        """Whether readers see an unfinished line."""
        return any(self._told.values())

    def ended(self, streams: Iterable[int], until: float) -> None:
        """Lines of these streams have ended; before `until` nothing more is told of them."""
        for stream in streams:
            self._looked_at[stream] = b""
            self._told[stream] = ""
            self._not_before[stream] = until

    def news(self, carry: Mapping[int, bytes], now: float, pace_s: float) -> tuple[dict[int, str], float | None]:
        """The texts to tell now, by stream, and when to ask again for what it is too early for.

        `pace_s`: how long a stream that was looked at is left alone.
        """
        texts: dict[int, str] = {}
        later: list[float] = []
        for stream in sorted(carry.keys() | self._looked_at.keys()):
            rest = carry.get(stream, b"")
            if rest == self._looked_at.get(stream, b""):
                continue
            not_before = self._not_before.get(stream, now)
            if now < not_before:
                later.append(not_before)
                continue
            self._looked_at[stream] = rest
            self._not_before[stream] = now + pace_s
            text = unfinished(rest)
            if text != self._told.get(stream):
                texts[stream] = text
        return texts, min(later, default=None)

    def told(self, texts: Mapping[int, str], until: float) -> None:
        """Readers know these; before `until` nothing more is told of their streams."""
        self._told.update(texts)
        self._not_before.update(dict.fromkeys(texts, until))
