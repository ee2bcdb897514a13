"""A way to a server on which only so much comes back: what is half done stays so until a test lets it go on."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

PIECE = 65_536


class HeldWay:
    """Listens on a loopback port of its own. Threads of its own pass what comes; `with` starts and ends it."""

    def __init__(self, target: int) -> None:
        """`target`: the server's loopback port."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._moved = threading.Condition()
        self._most: int | None = None
        """Bytes that may come back on each connection; none: any number."""
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, name="held way")]

    def hold_after(self, size: int) -> None:
        """From now on no more than so many bytes come back on each connection."""
        self._set(size)

    def let_go(self) -> None:
        self._set(None)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.let_go()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _set(self, most: int | None) -> None:
        with self._moved:
            self._most = most
            self._moved.notify_all()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._connect, args=(near,), name="held way")
            self._threads.append(thread)
            thread.start()

    def _connect(self, near: socket.socket) -> None:
        """Until both sides have said all."""
        with near, socket.create_connection(("127.0.0.1", self._target)) as far:
            self._open |= {near, far}
            forth = threading.Thread(target=self._pass, args=(near, far, False), name="held way")
            forth.start()
            self._pass(far, near, True)
            forth.join()
            self._open -= {near, far}

    def _pass(self, source: socket.socket, target: socket.socket, back: bool) -> None:
        """One direction, to its end; the other one goes on."""
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(self._may_take(passed) if back else PIECE):
                target.sendall(piece)
                passed += len(piece)
            target.shutdown(socket.SHUT_WR)

    def _may_take(self, passed: int) -> int:
        """How much may come back now, after what has; waits for some."""
        with self._moved:
            self._moved.wait_for(lambda: self._most is None or self._most > passed)
            return PIECE if self._most is None else min(PIECE, self._most - passed)
