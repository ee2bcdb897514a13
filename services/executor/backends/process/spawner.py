"""The warm parent: forks one supervisor per run, which costs a tenth of starting an interpreter for each.

A process of its own with one thread and the standard library only, so that a fork is cheap and safe. The executor
starts it when none answers, speaks to it over a unix socket in lines of JSON, and may come and go; with no executor
for a while it ends. Supervisors do not need it once they are forked.

    -> {"hello": VERSION}             <- {"version": VERSION, "pid": 17}
    -> {"launch": [order, ...]}       <- {"launched": [run_id, ...], "failed": [[run_id, reason], ...]}
    -> {"retire": true}               (a newer executor wants a newer spawner) the connection ends
"""

import contextlib
import errno
import fcntl
import gc
import hashlib
import json
import os
import select
import signal
import socket
import sys
import time
import traceback

from services.executor.backends import frames, masking
from services.executor.backends.process import (
    announce,
    callers,
    children,
    command,
    control,
    linux,
    marks,
    output,
    pipes,
    sessions,
    stopping,
    supervisor,
    tail,
)
from services.executor.backends.process.usage import birth, bpf, group, network, processes, totals, traffic
from shared.contracts import masking as hiding

SOCKET = "spawner.sock"
LOCK = "spawner.lock"
IN_USE = 3
"""Exit code when another spawner holds the lock."""

SUPERVISION = (callers, children, control, pipes, sessions, stopping, supervisor, tail)
PROCESS = (announce, command, linux, marks, output, *SUPERVISION)
USAGE = (birth, bpf, group, network, processes, totals, traffic)
CODE = (frames, hiding, masking, *PROCESS, *USAGE, sys.modules[__name__])
"""What a spawner and its supervisors are made of."""

_RECEIVE = 262_144
_SEND_TIMEOUT_S = 2.0


def version() -> str:
    """A digest of the code that supervisors run: an executor with other code starts another spawner."""
    digest = hashlib.sha256(sys.version.encode())
    for module in CODE:
        with open(module.__file__ or "", "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:16]


class Spawner:
    """Serves executors on the socket of one folder."""

    def __init__(self, home: str, idle_s: float) -> None:
        self._home = home
        self._idle_s = idle_s
        self._version = version()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._clients: dict[int, Client] = {}
        self._poll = select.poll()
        self._ended = False
        self._alone_since = time.monotonic()

    def listen(self) -> None:
        """Take the place of a spawner that died. The caller holds the lock."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(SOCKET)
        self._listener.bind(SOCKET)
        self._listener.listen(16)
        self._listener.setblocking(False)

    def serve(self) -> None:
        """Until nobody has been connected for a while, a client retires this spawner, or SIGTERM."""
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._end)
        for number in command.IGNORED:
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._poll.register(wake, select.POLLIN)
        self._poll.register(self._listener, select.POLLIN)
        while not self._ended:
            for file, _ in self._poll.poll(self._idle_s * 1000 / 4):
                if file == wake:
                    with contextlib.suppress(BlockingIOError):
                        os.read(wake, 4096)
                elif file == self._listener.fileno():
                    self._accept()
                else:
                    self._serve(self._clients[file])
            _reap()
            if self._clients:
                self._alone_since = time.monotonic()
            elif time.monotonic() - self._alone_since >= self._idle_s:
                self._ended = True

    def _end(self, *_: object) -> None:
        self._ended = True

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.settimeout(_SEND_TIMEOUT_S)
        self._clients[connection.fileno()] = Client(connection)
        self._poll.register(connection, select.POLLIN)

    def _serve(self, client: "Client") -> None:
        try:
            for message in client.receive():
                self._answer(client, message)
        except (OSError, ValueError, KeyError):  # it has gone, or speaks another language
            self._poll.unregister(client.connection)
            del self._clients[client.connection.fileno()]
            client.connection.close()

    def _answer(self, client: "Client", message: dict) -> None:  # type: ignore[type-arg]  # checked as it is used
        if "hello" in message:
            client.send({"version": self._version, "pid": os.getpid()})
        elif "retire" in message:
            self._ended = True
        else:
            launched, failed = [], []
            for order in message["launch"]:
                problem = self._fork(supervisor.Order(home=self._home, **order))
                if problem is None:
                    launched.append(order["run_id"])
                else:
                    failed.append([order["run_id"], problem])
            with contextlib.suppress(BrokenPipeError):  # it was killed, but what else it had sent is started as well
                client.send({"launched": launched, "failed": failed})

    def _fork(self, order: supervisor.Order) -> str | None:
        """Start a supervisor; none, or why that was not possible."""
        try:
            pid, born_in = birth.fork_into(order.group.unified)
        except OSError as error:
            return os.strerror(error.errno or errno.EAGAIN)
        if pid:
            return None
        code = 1
        try:
            os.closerange(3, 1 << 20)
            supervisor.supervise(order, born_in)
            code = 0
        except BaseException:  # noqa: BLE001  # nothing may return into the spawner's loop
            traceback.print_exc()
        finally:
            os._exit(code)


class Client:
    """One connected executor."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._rest = b""

    def receive(self) -> list[dict]:  # type: ignore[type-arg]  # any JSON object
        """The whole messages that have arrived. Raises OSError when the other side has gone."""
        data = self.connection.recv(_RECEIVE)
        if not data:
            raise ConnectionResetError
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def send(self, message: "dict[str, object]") -> None:
        self.connection.sendall(json.dumps(message).encode() + b"\n")


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """`spawner <home> <idle seconds>`: returns to its caller when the socket is served, from a process of its own."""
    home, idle_s = sys.argv[1], float(sys.argv[2])
    os.chdir(home)
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(IN_USE)
    spawner = Spawner(home, idle_s)
    spawner.listen()
    if os.fork():
        os._exit(0)
    os.setsid()
    linux.become_subreaper("jobyard-spawner")
    gc.collect()
    gc.freeze()
    gc.disable()
    spawner.serve()


if __name__ == "__main__":
    main()
