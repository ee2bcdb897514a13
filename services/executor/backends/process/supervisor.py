"""One run's supervisor: starts the command, keeps its output, stops it when told, and leaves none of it behind.

A small process of its own, forked by the spawner, which lives on when executor and spawner are gone. It decides,
once, whether the run was stopped or exited, and is over only when every descendant is: it is their sub-reaper, so
whoever daemonizes becomes its child. Standard library only, no threads.
"""

import contextlib
import os
import select
import signal
import time

from services.executor.backends.process import linux, marks
from services.executor.backends.process.announce import announce
from services.executor.backends.process.children import Children
from services.executor.backends.process.command import explain, spawn, without_input
from services.executor.backends.process.pipes import HINT_S, Pipes
from services.executor.backends.process.stopping import Stopping
from services.executor.backends.process.usage import totals
from services.executor.backends.process.usage.group import Group, enter

GATHER_MS = 3
"""So long a busy command's output gathers before it is read."""
RETRY_S = 1.0
SWEEP_MS = 20


BOOT_ID = linux.boot_id()


class Order:
    """What to run. `home` is the executor's folder, `base` the path that the run's files begin with.

    `group` is what was made for the run, `host` where the machine's network stood (see `totals`).
    """

    __slots__ = ("argv", "base", "cwd", "env", "grace_s", "group", "hidden", "home", "host", "run_id")

    def __init__(
        self,
        run_id: str,
        home: str,
        base: str,
        argv: list[str],
        cwd: str,
        env: dict[str, str],
        grace_s: float,
        hidden: list[str],
        group: list[str | None],
        host: marks.Facts,
    ) -> None:
        self.run_id = run_id
        self.home = home
        self.base = base
        self.argv = argv
        self.cwd = cwd
        self.env = env
        self.grace_s = grace_s
        self.hidden = hidden
        self.group = Group(*group)
        self.host = host


def supervise(order: Order, born_in: str | None) -> None:
    """The whole life of a supervisor, in a process that was forked for it. Returns when the run is over."""
    os.setpgid(0, 0)
    linux.become_subreaper("jobyard-run")
    supervisor = Supervisor(order, enter(order.group, born_in))
    if supervisor.claim():
        supervisor.start()
        supervisor.watch()
        supervisor.finish()


class Supervisor:
    """The run while it lives."""

    CHILDREN = Children
    LOOPBACK = True
    """Whether traffic of the loopback counts as network."""

    def __init__(self, order: Order, group: Group) -> None:
        self._order = order
        self._group = group
        self._wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._told = False
        self._called = False
        self._listen(waker)
        self._signals = select.poll()
        self._all = select.poll()
        self._signals.register(self._wake, select.POLLIN)
        self._all.register(self._wake, select.POLLIN)
        self._pipes = Pipes(order.base + marks.OUTPUT, order.home, order.run_id, self._all, order.hidden)
        self._children = self.CHILDREN(self._all, order.base, order.home, order.cwd, order.env, order.hidden)
        self._file = -1
        self._started_ns = 0
        self._leader = 0
        self._status: int | None = None
        self._stopping = Stopping(order.base, order.grace_s)

    def _listen(self, waker: int) -> None:
        """Signals only wake the loop up, which then looks what has changed."""
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGUSR1, self._on_call)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_term(self, *_: object) -> None:
        self._told = True

    def _on_call(self, *_: object) -> None:
        self._called = True

    def claim(self) -> bool:
        """Be the one to start this run; false if somebody was first, or it is not to start any more."""
        me = os.getpid()
        self._started_ns = time.time_ns()
        identity = {
            "pid": str(me),
            "boot_id": BOOT_ID,
            "start_time": str(linux.start_time(me)),
            "started_at": str(self._started_ns),
            marks.CALLABLE: "True",
            **self._group.facts,
            **self._order.host,
        }
        file = self._take(identity)
        if file is None:
            return False
        self._file = file
        announce(self._order.home, self._order.run_id, "started", identity)
        return True

    def _take(self, identity: marks.Facts) -> int | None:
        """Write the claim down: the run's file, or none if somebody was first."""
        return marks.claim(self._order.base, identity)

    def start(self) -> None:
        """Start the command; one that cannot be started ends as it would in a shell."""
        try:
            os.chdir(self._order.cwd)
            self._leader = spawn(self._order.argv, self._order.env, without_input(*self._pipes.writers))
        except (OSError, ValueError) as error:
            sentence, self._status = explain(self._order.argv[0], error)
            self._pipes.say(sentence)
        finally:
            os.chdir(self._order.home)
            self._pipes.started()

    def watch(self) -> None:
        """Until nothing of the run is left."""
        while self._reap():
            self._decide()
            self._serve_children()
            self._wait()
        self._children.close()
        self._pipes.empty()

    def finish(self) -> None:
        """Say how it ended, however long the disk is full."""
        status = self._status or 0
        facts = {
            "started_at": str(self._started_ns),
            "ended_at": str(time.time_ns()),
            "exit_code": str(128 - status if status < 0 else status),
            "signal": _signal_name(-status) if status < 0 else "",
            "stopped": str(self._stopping.begun),
            "asked": str(self._stopping.asked),
            "forced": str(self._stopping.forced),
            **totals.at_end(self._order.host, self._group, self.LOOPBACK),
        }
        while True:
            try:
                facts["output_bytes"] = str(self._pipes.settle())
                marks.conclude(self._file, facts)
                break
            except OSError:
                time.sleep(RETRY_S)
        announce(self._order.home, self._order.run_id, "ended", facts)

    def _reap(self) -> bool:
        """Take leave of every child that has ended; false when there is none left, and so no descendant."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._leader:
                self._status = os.waitstatus_to_exitcode(status)
            else:
                self._children.ended(pid, status)

    def _decide(self) -> None:
        """Once, whether it is stopped or has exited, and then what that asks for."""
        ended = self._status is not None
        now = time.monotonic()
        if self._told and not ended:
            self._stopping.begin(now)
        self._stopping.go_on(now, self._leader, ended)

    def _serve_children(self) -> None:
        """Open the door when somebody has called for it, and end those children whose time has come."""
        if self._called:
            self._called = False
            self._children.open()
        self._children.sweep(time.monotonic())

    def _wait(self) -> None:
        """Keep the output flowing until a signal has come, or it is time for a decision."""
        while True:
            if self._pipes.busy and self._signals.poll(GATHER_MS):
                break
            ready = {file for file, _ in self._all.poll(self._timeout_ms())}
            for file in ready - {self._wake}:
                if not self._children.serve(file, running=not self._told and self._status is None):
                    self._pipes.read(file)
            self._pipes.hint()
            if self._wake in ready or self._is_due():
                break
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake, 4096):
                pass

    def _is_due(self) -> bool:
        return self._stopping.killing or any(time.monotonic() >= at for at in self._times())

    def _times(self) -> list[float]:
        """When a decision is due, on the monotonic clock."""
        times = (self._children.next_at, self._stopping.next_at)
        return [at for at in times if at is not None]

    def _timeout_ms(self) -> float | None:
        """Until the next thing that is due; none: whenever something happens."""
        due = [SWEEP_MS] if self._stopping.killing else []
        due += [max(0, int((at - time.monotonic()) * 1000) + 1) for at in self._times()]
        if self._pipes.unhinted:
            due.append(int(HINT_S * 1000))
        return min(due, default=None)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"
