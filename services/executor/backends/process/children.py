"""What runs in a run beside its command: programs that people and services start in it, through its control socket.

They are descendants of the supervisor like all else in the run: they end with it, and never delay its end. One
connection is one child. A child without a name ends with its connection, one with a name when it is told to:

    -> {"start": {"argv": [...] | null, "program": null, "env": {...}, "terminal": [24, 80] | null, "name": null}}
       and the child's stdin, stdout and stderr, or its end of a terminal; one with a name has none
    <- {"pid": 17}, or {"refused": "program_missing", "message": "..."}
    -> {"terminals": true}
    <- {"terminals": true}, and what leads to the run's own terminals, so that whoever asks makes one of these
    -> {"signal": "INT"}, {"stop": true}
    <- {"exit": 0, "signal": null, "core": false}
"""

import os
import select
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from services.executor.backends.process import linux, marks
from services.executor.backends.process.callers import CONNECTIONS, Callers
from services.executor.backends.process.command import (
    NOT_FOUND,
    Actions,
    explain,
    on_terminal,
    spawn,
    with_streams,
    without_input,
)
from services.executor.backends.process.control import Connection
from services.executor.backends.process.sessions import EndingSessions
from services.executor.backends.process.tail import Tail, Tails

HANG_UP_S = 2.0
"""Between SIGHUP and SIGKILL, for a child whose connection has closed."""
STOP_S = 5.0
"""Between SIGTERM and SIGKILL, for a child that is stopped by its name."""

RUN_NOT_RUNNING = "run_not_running"
PROGRAM_MISSING = "program_missing"
PROGRAM_UNUSABLE = "program_unusable"
STOPPING = "child_stopping"
NOT_STARTED = "not_started"
TOO_MANY = "too_many_children"
_TERMINALS = "/dev/ptmx"


class Child:
    """A program that was started, until it has ended; `name` may be empty."""

    __slots__ = ("name", "pid", "stopping", "tail", "watchers")

    def __init__(self, pid: int, name: str, tail: Tail | None) -> None:
        self.pid = pid
        self.name = name
        self.tail = tail
        self.watchers: list[Connection] = []
        self.stopping = False


class Children:
    """The children of one run."""

    def __init__(
        self, poll: "select.poll", base: str, home: str, cwd: str, env: dict[str, str], hidden: Sequence[str]
    ) -> None:
        folder = base + marks.WAYS
        self._home = home
        self._cwd = cwd
        self._env = env
        self._callers = Callers(poll, folder, home)
        self._tails = Tails(poll, folder, hidden)
        self._ending = EndingSessions()
        self._alive: dict[int, Child] = {}
        self._of: dict[Connection, Child] = {}

    @property
    def next_at(self) -> float | None:
        """When `sweep` has something to do."""
        return self._ending.next_at

    def open(self) -> None:
        """Be there for whoever wants to come in."""
        self._callers.open()

    def close(self) -> None:
        self._callers.close()

    def serve(self, file: int, running: bool) -> bool:
        """Do what is ready on this descriptor; false if it is none of the children's. `running`: new ones may start."""
        connection = self._callers.at(file)
        if connection is None:
            return self._callers.let_in(file) or self._tails.read(file)
        self._hear(connection, running)
        return True

    def sweep(self, now: float) -> None:
        """End for good what was told to end, and has had its time."""
        self._ending.sweep(now)

    def ended(self, pid: int, status: int) -> None:
        """A process has been reaped; tell who watched it, if it was one of these children."""
        child = self._alive.pop(pid, None)
        if child is None:
            return
        if child.tail is not None:
            self._tails.drain(child.tail)
        code = os.waitstatus_to_exitcode(status)
        said = {
            "exit": 128 - code if code < 0 else code,
            "signal": _name_of(-code) if code < 0 else None,
            "core": os.WCOREDUMP(status),
        }
        for watcher in list(child.watchers):
            watcher.say(said)
            self._drop(watcher)

    # --- who speaks

    def _hear(self, connection: Connection, running: bool) -> None:
        try:
            for message in connection.receive():
                self._answer(connection, message, running)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # it has gone, or speaks another language
            self._leave(connection)

    def _leave(self, connection: Connection) -> None:
        child = self._of.get(connection)
        self._drop(connection)
        if child is not None and not child.name and child.pid in self._alive:
            self._ending.begin(child.pid, signal.SIGHUP, HANG_UP_S)

    def _drop(self, connection: Connection) -> None:
        if self._callers.drop(connection):
            child = self._of.pop(connection, None)
            if child is not None:
                child.watchers.remove(connection)

    # --- the children

    def _answer(self, connection: Connection, message: dict[str, Any], running: bool) -> None:
        if "start" in message:
            if connection in self._of:
                raise ValueError("one connection is one child")
            with ExitStack() as ends:
                connection.say(self._start(connection, message["start"], running, ends))
        elif "terminals" in message:
            _show_terminals(connection)
        elif "stop" in message:
            child = self._of[connection]
            if not child.stopping:
                child.stopping = True
                tree = {(pid, linux.start_time(pid)) for pid in linux.descendants(child.pid)}
                self._ending.begin(child.pid, signal.SIGTERM, STOP_S, tree)
        else:
            child = self._of[connection]
            if child.pid in self._alive:
                linux.send(child.pid, signal.Signals[f"SIG{message['signal']}"])

    def _start(self, connection: Connection, wanted: dict[str, Any], running: bool, ends: ExitStack) -> dict[str, Any]:
        """Start the child, or find the one of that name; what is to be answered. `ends` closes what came for it."""
        files = connection.files()
        for file in files:
            ends.callback(os.close, file)
        tail = child = None
        try:
            if len(self._of) >= CONNECTIONS and wanted["argv"] is not None:
                return _refused(TOO_MANY, f"{CONNECTIONS} shells and programs are open in the run. Close some of them.")
            name = wanted["name"] or ""
            child = next((each for each in self._alive.values() if name and each.name == name), None)
            if child is None:
                if not running:
                    return _refused(RUN_NOT_RUNNING, "The run is ending, so that nothing new can start in it.")
                if wanted["argv"] is None:
                    return _refused(NOT_STARTED, f"Nothing with the name {name} runs in the run.")
                tail = self._tails.begin(name) if name else None
                child = self._spawn(wanted, name, files, tail)
            elif child.stopping and wanted["argv"] is not None:
                return _refused(STOPPING, f"The {name} of the run is being stopped. Try again in a moment.")
            self._of[connection] = child
            child.watchers.append(connection)
            return {"pid": child.pid}
        except OSError as error:
            sentence, code = explain(wanted["program"] or wanted["argv"][0], error)
            missing = code == NOT_FOUND and error.filename != self._cwd
            return _refused(PROGRAM_MISSING if missing else PROGRAM_UNUSABLE, sentence)
        finally:
            if tail is not None:
                os.close(tail.writer)
            if tail is not None and child is None:
                self._tails.forget(tail)

    def _spawn(self, wanted: dict[str, Any], name: str, files: list[int], tail: Tail | None) -> Child:
        actions: Actions
        if tail is not None:
            actions = without_input(tail.writer, tail.writer)
        elif wanted["terminal"] is not None:
            [file] = files
            actions = on_terminal(file)
        else:
            stdin, stdout, stderr = files
            actions = with_streams(stdin, stdout, stderr)
        said = {key for key in self._env if key.startswith("JOBYARD_")}
        env = self._env | {key: value for key, value in wanted["env"].items() if key not in said}
        try:
            os.chdir(self._cwd)
            pid = spawn(wanted["argv"], env, actions, wanted["program"])
        finally:
            os.chdir(self._home)
        self._alive[pid] = child = Child(pid, name, tail)
        return child


def _show_terminals(connection: Connection) -> None:
    """Not one that is open: only where they are made."""
    try:
        file = os.open(_TERMINALS, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        connection.say(_refused(PROGRAM_UNUSABLE, explain(_TERMINALS, error)[0]))
        return
    try:
        connection.say({"terminals": True}, [file])
    finally:
        os.close(file)


def _refused(code: str, message: str) -> dict[str, Any]:
    return {"refused": code, "message": message}


def _name_of(number: int) -> str:
    """As `kill -l` and SSH say it, without the SIG."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)
