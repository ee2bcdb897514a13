"""Descriptors of a child in a pod: a terminal or three pipes of this machine, and a control socket, with two ends each.

One end is the caller's, who gets what a child on this machine would have given; the other one is the relay's, which
never blocks on it. Each end is closed by whoever has it.
"""

import os
import socket
import termios
import tty
from dataclasses import dataclass

from services.executor.backends.protocol import Execution
from shared.contracts.streams import Child


@dataclass(frozen=True)
class Ends:
    """One side's: `files` by the names of `Execution.files`."""

    control: socket.socket
    files: dict[str, int]

    def close(self) -> None:
        self.control.close()
        for file in self.files.values():
            os.close(file)
        self.files.clear()

    def execution(self, pid: int) -> Execution:
        """From here on whoever has it closes them."""
        return Execution(pid, self.control, self.files)


def opened(child: Child) -> tuple[Ends, Ends]:
    """The caller's ends, and ours."""
    control, ours = socket.socketpair()
    for end in (control, ours):
        end.setblocking(False)
    mine, relayed = _terminal(child) if child.terminal is not None else _pipes()
    return Ends(control, mine), Ends(ours, relayed)


def _terminal(child: Child) -> tuple[dict[str, int], dict[str, int]]:
    """The caller's end, and ours, at which every byte passes as it is: the real terminal is in the pod."""
    mine, ours = os.openpty()
    tty.setraw(ours)
    if child.terminal is not None:
        termios.tcsetwinsize(mine, (child.terminal.rows, child.terminal.columns))
    os.set_blocking(ours, False)
    return {"terminal": mine}, {"terminal": ours}


def _pipes() -> tuple[dict[str, int], dict[str, int]]:
    stdin, stdout, stderr = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
    ours = {"stdin": stdin[0], "stdout": stdout[1], "stderr": stderr[1]}
    for file in ours.values():
        os.set_blocking(file, False)
    return {"stdin": stdin[1], "stdout": stdout[0], "stderr": stderr[0]}, ours
