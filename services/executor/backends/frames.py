"""The form of a run's `output` file: frames, each a piece of one stream as it was read, and when.

Whoever runs the job appends raw bytes and parses nothing, so it stays small and fast; the executor turns frames into
lines. A frame of a loss says how many line feeds (and bytes) of a stream could not be stored at that place.

A run may be able to write there itself. What no supervisor would have written ends what can be read of the file.
"""

import struct

HEADER = struct.Struct("<BQI")
"""Kind, nanoseconds since 1970, length of what follows."""

LOSS = struct.Struct("<QQ")
"""Line feeds, bytes."""

STDOUT = 1
STDERR = 2
LOST = 0x80
"""Added to the stream's kind: what follows is a LOSS."""


LONGEST = 1 << 19
"""More than any piece that is read at once. Whoever reads files takes more than this."""

_SIZES = {STDOUT: LONGEST, STDERR: LONGEST, STDOUT | LOST: LOSS.size, STDERR | LOST: LOSS.size}


def frame(kind: int, time_ns: int, data: bytes) -> bytes:
    """One whole frame."""
    return HEADER.pack(kind, time_ns, len(data)) + data


def split(data: bytes) -> tuple[list[tuple[int, int, bytes]], int]:
    """The whole frames at the start of `data` as (kind, time_ns, bytes), and how many bytes they take."""
    found = []
    position = 0
    end = len(data)
    while position + HEADER.size <= end:
        kind, time_ns, length = HEADER.unpack_from(data, position)
        after = position + HEADER.size + length
        if after > end or length > _SIZES.get(kind, -1) or (kind & LOST and length < LOSS.size):
            break
        found.append((kind, time_ns, data[position + HEADER.size : after]))
        position = after
    return found, position
