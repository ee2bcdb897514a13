"""How a run is brought to its end: a polite word to whoever would act on it, its grace period, and then SIGKILL to all.

Also a run that was not stopped is swept: what its command has left behind when it exits ends with it.
"""

import os
import signal

from services.executor.backends.process import linux, marks

PASS_ON_S = 0.5
"""A shell that is still there so long after its SIGTERM is waiting for its child."""
SHELLS = frozenset({"sh", "dash", "bash", "ash", "ksh", "zsh"})


class Stopping:
    """Of the run that this process supervises; `base`: what its files begin with. `now` is on the monotonic clock."""

    def __init__(self, base: str, grace_s: float) -> None:
        self._base = base
        self._grace_s = grace_s
        self._deadline = 0.0
        self._pass_on_at = 0.0
        self._next_at = 0.0
        self._present: frozenset[int] = frozenset()
        self._signalled: set[int] = set()
        self.begun = False
        self.asked = False
        """Whether it was the platform that asked."""
        self.forced = False
        """Whether its grace period was over before it was."""
        self.killing = False
        """Whether all that is left is being killed."""

    @property
    def next_at(self) -> float | None:
        """When `go_on` has something to do, as long as nothing else happens."""
        return self._next_at if self.begun else None

    def begin(self, now: float) -> None:
        """Once, however often it is asked for."""
        if not self.begun:
            self.begun = True
            self.asked = marks.was_asked_to_stop(self._base)
            self._deadline = now + self._grace_s
            self._pass_on_at = now + min(PASS_ON_S, self._grace_s / 4)
            self._present = frozenset(linux.descendants(os.getpid()))

    def go_on(self, now: float, leader: int, ended: bool) -> None:
        """What the moment asks for: nothing, a polite word, or the end. `ended`: the command, whose pid is `leader`."""
        if self.killing or (ended and not self.begun):
            self.killing = True
        elif self.begun and now >= self._deadline:
            self.killing = self.forced = True
        elif self.begun:
            self.killing = ended and not _session_lives(leader)
        if self.killing:
            for pid in linux.descendants(os.getpid()):
                linux.send(pid, signal.SIGKILL)
        elif self.begun:
            self._ask_to_end(now >= self._pass_on_at)
            self._next_at = self._pass_on_at if now < self._pass_on_at else self._deadline

    def _ask_to_end(self, past_shells: bool) -> None:
        """SIGTERM, once, to the command and to whoever has lost the parent that would have passed it on.

        Helpers of a program are the program's own business: a data loader's workers, ended under it, would spoil the
        checkpoint that it is writing. But a shell that has a trap waits for the program in front of it before it
        acts, so after a moment that program is asked too. What the trap itself has started is left to its work.
        """
        asked = linux.children(os.getpid())
        for pid in asked:  # grows while it is walked
            if past_shells and linux.program_name(pid) in SHELLS:
                asked += [child for child in linux.children(pid) if child in self._present]
            if pid not in self._signalled:
                self._signalled.add(pid)
                linux.send(pid, signal.SIGTERM)
                linux.send(pid, signal.SIGCONT)


def _session_lives(leader: int) -> bool:
    """Whether something of the command's own session outlives it; what left the session is a daemon."""
    return any(linux.is_alive(pid) and linux.session(pid) == leader for pid in linux.descendants(os.getpid()))
