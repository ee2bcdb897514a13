"""Which series of an answer fit in one message, whose next page begins after them."""

from collections.abc import Sequence

from shared.contracts.metrics import Series

PAGE_BYTES = 400 * 1024
"""The most that a page takes; a message may hold 512 KiB, and a series of MAX_POINTS fits even where it is alone."""

POINT_BYTES = 41
"""The most that a time in milliseconds and a value take as JSON, commas included."""

_ENVELOPE_BYTES = 512


def page_of(every: Sequence[Series], skip: int, limit: int = PAGE_BYTES) -> tuple[tuple[Series, ...], bool]:
    """The series after the first `skip` ones that fit, at least one; and whether there are others after these."""
    left, end = limit, skip
    for series in every[skip:]:
        left -= _ENVELOPE_BYTES + len(series.times) * POINT_BYTES
        if left < 0 and end > skip:
            break
        end += 1
    return tuple(every[skip:end]), end < len(every)
