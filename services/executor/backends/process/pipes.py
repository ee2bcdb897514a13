"""From the command's stdout and stderr to the output file, in pieces as large as waiting a moment can make them."""

import os
import select
import time
from collections.abc import Sequence

from services.executor.backends.frames import STDERR, STDOUT
from services.executor.backends.masking import Mask
from services.executor.backends.process.announce import announce
from services.executor.backends.process.output import Output

READ_BYTES = 65_536
SMALL_READ = 32_768
FEW_READS = 3
CLOSE_S = 0.01
"""After a few small reads close to one another the command is busy: its pipes are then read by the clock."""
HINT_S = 0.05
"""At most so often the executor is told of new output."""
LAST_READS = 64


class Pipes:
    """The command's stdout and stderr, on their way to the output file; `hidden` is masked in both."""

    def __init__(self, path: str, home: str, run_id: str, poll: "select.poll", hidden: Sequence[str] = ()) -> None:
        self._home = home
        self._run_id = run_id
        self._poll = poll
        self._output = Output(path)
        self._streams: dict[int, int] = {}
        self._masks = {stream: Mask(hidden) for stream in (STDOUT, STDERR)} if hidden else {}
        self.writers: list[int] = []
        for stream in (STDOUT, STDERR):
            reader, writer = os.pipe2(os.O_CLOEXEC)
            os.set_blocking(reader, False)
            self._streams[reader] = stream
            self.writers.append(writer)
            poll.register(reader, select.POLLIN)
        self._close_reads = 0
        self._last_read = 0.0
        self._last_hint = 0.0
        self.unhinted = False

    @property
    def busy(self) -> bool:
        """Whether the command writes often and little, so that waiting a moment saves work."""
        return self._close_reads > FEW_READS

    def started(self) -> None:
        """The command has its ends of the pipes, or there is none."""
        for writer in self.writers:
            os.close(writer)

    def say(self, text: str) -> None:
        """A line on the command's stderr that it did not write itself."""
        self._output.append(STDERR, f"jobyard: {text}\n".encode(errors="replace"))

    def read(self, file: int) -> bool:
        """Take what has arrived; false if nothing had, or this descriptor is none of theirs, or not any more."""
        if file not in self._streams:
            return False
        try:
            data = os.read(file, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._poll.unregister(file)
            del self._streams[file]
            os.close(file)
            return False
        stream = self._streams[file]
        if self._masks:
            data = self._masks[stream].feed(data)
        if data:
            self._output.append(stream, data)
        now = time.monotonic()
        close = len(data) < SMALL_READ and now - self._last_read < CLOSE_S
        self._close_reads = self._close_reads + 1 if close else 0
        self._last_read = now
        self.unhinted = True
        return True

    def hint(self) -> None:
        """Tell the executor of new output, unless that was done just before."""
        now = time.monotonic()
        if self.unhinted and now - self._last_hint >= HINT_S:
            self._last_hint = now
            self.unhinted = False
            announce(self._home, self._run_id, "output", {})

    def empty(self) -> None:
        """Take what still lies in the pipes. A stranger that was handed an end is not waited for."""
        for file in list(self._streams):
            for _ in range(LAST_READS):
                if not self.read(file):
                    break
        for stream, mask in self._masks.items():
            if rest := mask.flush():
                self._output.append(stream, rest)

    def settle(self) -> int:
        """Record what was lost; the size of the whole output. Raises OSError while that cannot be written."""
        self._output.settle()
        return self._output.size
