"""Bytes between a program of the run and whoever has dialled its port, carried by the run's supervisor.

What the caller reads and writes is a socket that nobody in the run has: one that a run has as well, it can have block.
Each direction holds one piece, so whoever does not take it holds up whoever sends it, and nobody else. Runs in the
container; standard library only. Nothing here waits.
"""

import contextlib
import select
import socket

PIECE = 1 << 16
_GONE = select.POLLHUP | select.POLLERR


class Way:
    """One direction of two."""

    __slots__ = ("done", "rest", "source", "target")

    def __init__(self, source: socket.socket, target: socket.socket) -> None:
        self.source = source
        self.target = target
        self.rest = b""
        self.done = False

    def go_on(self) -> None:
        """As far as it goes at once. Raises OSError when one of the two is gone."""
        with contextlib.suppress(BlockingIOError):
            if not self.rest and not self.done:
                self.rest = self.source.recv(PIECE)
                if not self.rest:
                    self.target.shutdown(socket.SHUT_WR)
                    self.done = True
            if self.rest:
                self.rest = self.rest[self.target.send(self.rest, socket.MSG_NOSIGNAL) :]


class Relay:
    """Two sockets as one connection."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.ends = (near, far)
        self._there, self._back = Way(near, far), Way(far, near)

    def go_on(self) -> bool:
        """Whether it still lasts: until both directions are done, or one end is gone and has said all it had to."""
        try:
            self._there.go_on()
            self._back.go_on()
        except OSError:
            return False
        over = self._there.done and self._back.done
        return not over and not any(way.done and _is_gone(way.source) for way in (self._there, self._back))

    def waits_for(self, end: socket.socket) -> int | None:
        """What is to happen at this end; none: nothing, whatever does, until the other end has taken what it said."""
        said, hears = (self._there, self._back) if end is self.ends[0] else (self._back, self._there)
        mask = (0 if said.rest or said.done else select.POLLIN) | (select.POLLOUT if hears.rest else 0)
        return None if said.rest and not mask else mask


class Relays:
    """Those of one run, moved on as its supervisor's loop finds them ready."""

    def __init__(self, poll: "select.poll") -> None:
        self._poll = poll
        self._relays: dict[int, Relay] = {}

    def __len__(self) -> int:
        return len(self._relays) // 2

    def begin(self, near: socket.socket, far: socket.socket) -> None:
        """Both are closed when it is over."""
        relay = Relay(near, far)
        for end in relay.ends:
            end.setblocking(False)
            self._relays[end.fileno()] = relay
            self._poll.register(end, select.POLLIN)

    def move(self, file: int) -> bool:
        """Carry what has arrived; false if this descriptor is none of theirs."""
        relay = self._relays.get(file)
        if relay is None:
            return False
        lasts = relay.go_on()
        for end in relay.ends:
            mask = relay.waits_for(end) if lasts else None
            if mask is not None:
                self._poll.register(end, mask)
            else:
                with contextlib.suppress(KeyError):
                    self._poll.unregister(end)
            if not lasts:
                del self._relays[end.fileno()]
                end.close()
        return True


def _is_gone(end: socket.socket) -> bool:
    """Nobody is there any more, to say something or to hear it."""
    poll = select.poll()
    poll.register(end, 0)
    return any(what & _GONE for _, what in poll.poll(0))
