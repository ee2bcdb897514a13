"""Whether there is room for new jobs: they are refused before a disk is full, so that what is there can go on.

A disk without any room stores no ends, kills and pauses either, and a full stream tells nobody of them. What is kept
free is for those.
"""

from dataclasses import dataclass

MIB = 1 << 20
STREAM_PERCENT = 5.0
"""Of the EVENTS stream, kept for the jobs that are there."""
ON = "Jobs that are there go on and can be killed."


@dataclass(frozen=True)
class Space:
    """Bytes that are left, and bytes in all."""

    left: int
    all: int

    @property
    def percent(self) -> float:
        """What is left, as a part of all; of nothing, all is left."""
        return 100.0 * self.left / self.all if self.all else 100.0


def lacks(disk: Space, stream: Space, unstored: str | None, min_free: int, min_percent: float) -> str | None:
    """Why no new job is taken, as a sentence; None: there is room.

    `unstored`: why NATS stores no events at present, if so. `min_free` in bytes, `min_percent` of the disk.
    """
    if disk.left < min_free or disk.percent < min_percent:
        least = max(min_free, int(disk.all * min_percent / 100))
        return (
            f"No new jobs at present: the platform's disk has {disk.left // MIB} MiB left and keeps {least // MIB} MiB "
            f"free. {ON} An operator has to make room in the data folder."
        )
    if stream.percent < STREAM_PERCENT:
        return (
            f"No new jobs at present: the stream of events is full but for {stream.percent:.0f} %. {ON} An operator "
            "has to raise JOBYARD_EVENTS_MAX_BYTES; else there is room again when old events leave the stream."
        )
    if unstored is not None:
        return (
            f"No new jobs at present: NATS does not store events ({unstored}). {ON} An operator has to look at the "
            "disk of NATS."
        )
    return None
