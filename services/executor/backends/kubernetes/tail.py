"""The end of an output of which more is read than kept: its last frames, and how much is missing before them."""

from collections import deque

from services.executor.backends.frames import HEADER, LOSS, LOST, STDOUT, frame, split

TAIL_BYTES = 1 << 18
"""Of frames: two thousand lines, if they are not long."""


class Tail:
    """Frames of a pod's log go in as they are read. It never grows beyond TAIL_BYTES and a frame."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_bytes = 0
        self._lost_lines = 0
        self._lost_bytes = 0

    def take(self, frames: bytes) -> None:
        for kind, time_ns, data in split(frames)[0]:
            if kind == STDOUT:
                self._kept.append((time_ns, data))
                self._kept_bytes += HEADER.size + len(data)
            elif kind & LOST:
                self._lost_lines += LOSS.unpack(data)[0]
        while self._kept_bytes > TAIL_BYTES:
            _, data = self._kept.popleft()
            self._kept_bytes -= HEADER.size + len(data)
            self._lost_lines += data.count(b"\n")
            self._lost_bytes += len(data)

    def frames(self) -> bytes:
        """To be stored behind what is kept of the beginning."""
        found = [frame(STDOUT, time_ns, data) for time_ns, data in self._kept]
        if self._lost_lines or self._lost_bytes:
            time_ns = self._kept[0][0] if self._kept else 0
            found.insert(0, frame(STDOUT | LOST, time_ns, LOSS.pack(self._lost_lines, self._lost_bytes)))
        return b"".join(found)
