"""The first process of a run's container: the supervisor of the backend `process`, told what to run on its input.

An order comes from the executor as one JSON document on stdin, so that secrets stand in no file and in nothing that
the engine shows or keeps. An input that ends early was an executor's that died: nothing has started then, and nothing
will. The order comes first, and it is looked whether what was mounted is what was checked (`mounted`), before there is
anything that could read it. Standard library only.
"""

import json
import os
import signal
import sys
from typing import Any

from services.executor.backends.docker.dialling import DiallingChildren
from services.executor.backends.docker.mounted import misplaced
from services.executor.backends.process import linux, marks
from services.executor.backends.process.command import IGNORED
from services.executor.backends.process.supervisor import Order, Supervisor
from services.executor.backends.process.usage import totals
from services.executor.backends.process.usage.group import Group

RUN = "/run"
"""What the run's files begin with in the folder that they are mounted into."""
NOT_TOLD = 125
"""The exit code of a container that got no order."""
MISPLACED = 124
"""The exit code of one in which something is mounted that nobody has checked."""


class ContainedSupervisor(Supervisor):
    """In a container of its own, whose name is what makes sure that it is the only one of its run."""

    CHILDREN = DiallingChildren
    LOOPBACK = False
    """The engine, which is asked while the run lives, counts what leaves the container."""

    def _take(self, identity: marks.Facts) -> int | None:
        file = os.open(self._order.base + marks.RUN, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        marks.conclude(file, identity)
        return file

    def finish(self) -> None:
        """Say first, where people look, if it was the memory."""
        if kills := out_of_memory():
            processes = "a process" if kills == 1 else f"{kills} processes"
            self._pipes.say(f"out of memory: the kernel killed {processes} of the run, which went over its limit")
        super().finish()


def out_of_memory() -> int:
    """How many processes of this container the kernel has killed for its memory's sake."""
    text = linux.read("/sys/fs/cgroup/memory.events") or linux.read("/sys/fs/cgroup/memory/memory.oom_control")
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(b"oom_kill "))


def environment() -> dict[str, str]:
    """The engine's, without what this interpreter has added to it."""
    pairs = (entry.partition(b"=") for entry in linux.read("/proc/self/environ").split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, separator, value in pairs if separator}


def with_home(env: dict[str, str]) -> dict[str, str]:
    """With one that can be written: of a user whom the image does not know it is `/`, where nothing can be kept."""
    home = env.get("HOME", "")
    if (os.path.isdir(home) and os.access(home, os.W_OK)) or "JOBYARD_JOB_PATH" not in env:
        return env
    return {**env, "HOME": env["JOBYARD_JOB_PATH"]}


def told() -> Any:
    """The order; none if it did not come whole."""
    with open(0, "rb", closefd=False) as stdin:
        said = stdin.read()
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    try:
        return json.loads(said)
    except ValueError:
        return None


def main() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    linux.become_subreaper("jobyard-run")
    said = told()
    if said is None:
        sys.exit(NOT_TOLD)
    if misplaced(said["mounts"]):
        sys.exit(MISPLACED)
    os.chdir(said["home"])
    env = {**environment(), **said["env"]}
    order = Order(
        run_id=said["run_id"],
        home=said["home"],
        base=said["home"] + RUN,
        argv=said["argv"],
        cwd=said["cwd"],
        env=env if said["has_home"] else with_home(env),
        grace_s=said["grace_s"],
        hidden=said["hidden"],
        group=[],
        host=totals.at_start(ContainedSupervisor.LOOPBACK),
    )
    supervisor = ContainedSupervisor(order, Group())
    if supervisor.claim():
        supervisor.start()
        supervisor.watch()
        supervisor.finish()


if __name__ == "__main__":
    main()
