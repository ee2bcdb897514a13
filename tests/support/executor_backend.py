"""A backend of the executor for a test: opened, let go and opened again on one home, and what it said meanwhile."""

import contextlib
import os
import shutil
import signal
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil

from services.executor.backends.frames import STDERR, STDOUT, split
from services.executor.backends.protocol import Backend, Folders, RunOrder
from services.executor.domain.observation import Ended, Observation, Refused, Started
from services.executor.domain.reading import Reading
from services.executor.domain.record import rank_of
from shared.contracts.job import CPU
from shared.ids import new_id
from tests.support.groups import clear_groups
from tests.support.waiting import LONG_S, until, wait_until

Seen = TypeVar("Seen", bound=Observation)

PATH = "/usr/local/bin:/usr/bin:/bin"


LOCAL = ("127.0.0.1", "0.0.0.0", "127.9.8.7", "::1", "::", "::ffff:127.0.0.1")
"""Where a program may listen so that its own machine reaches it."""


class Bench:
    """One node's backend. `make` builds what an executor process would build at its start.

    Scripts run in `folder`. What they append to a file there is read with `lines`; `go` lets those that wait for it
    (`WAIT_FOR_GO`) go on.
    """

    WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.02; done"

    apart = True
    """Whether a run's two streams are told apart."""
    reached = frozenset(LOCAL)
    """Where a program's port is connected to."""
    relays = False
    """Whether the streams of a run's children pass through the executor's process, and end with it."""
    within_s = LONG_S
    """How patiently something is waited for."""
    vc = "default"
    """Whose its runs are."""
    home: Path
    """What the backend itself keeps."""

    def __init__(
        self, make: Callable[[], Backend], folder: Path, brings: frozenset[str] = frozenset(), many: int = 40
    ) -> None:
        """`brings`: variables that its runs find beside those of their orders; `many`: runs that soon start."""
        self._make = make
        self.brings = brings
        self.many = many
        self.folder = folder
        self.backend = make()
        self.told: dict[str, list[Observation]] = defaultdict(list)
        self.wrote: set[str] = set()
        self.run_ids: list[str] = []

    async def open(self) -> None:
        """As the next executor process does: a backend of its own, which knows nothing yet."""
        self.backend = self._make()
        await self.backend.open(lambda run_id, seen: self.told[run_id].append(seen), self.wrote.add)

    async def close(self) -> None:
        await self.backend.close()

    async def reopen(self) -> None:
        await self.close()
        await self.open()

    async def lose_home(self) -> None:
        """The next executor process finds nothing of what this one has kept."""
        await self.close()
        for path in self.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        await self.open()

    async def cleared(self, run_id: str) -> None:
        """Nothing of a run that nobody knows is left."""

        async def there() -> bool:
            return not await self.backend.clear(self.vc, [run_id])

        await until(there, f"nothing of {run_id} is left", within=self.within_s)

    def order(
        self,
        script: str | tuple[str, ...],
        run_id: str | None = None,
        grace_s: float = 10,
        hidden: tuple[str, ...] = (),
    ) -> RunOrder:
        """A script for the shell, or a list of arguments; its run is ended with the test."""
        id = run_id or f"{new_id()}.1"
        self.run_ids.append(id)
        argv = ("/bin/sh", "-c", script) if isinstance(script, str) else script
        return order_of(id, argv, self.folder, grace_s, hidden)

    async def launch(self, script: str | tuple[str, ...], grace_s: float = 10) -> str:
        """Launch one run; its id."""
        order = self.order(script, grace_s=grace_s)
        await self.backend.launch([order])
        return order.run_id

    async def seen(self, run_id: str) -> Observation:
        return (await self.backend.observe([run_id]))[run_id]

    async def reaches(self, run_id: str, *kinds: type[Seen]) -> Seen:
        """The run's first observation of one of these kinds."""
        found: list[Seen] = []

        async def there() -> bool:
            seen = await self.seen(run_id)
            if isinstance(seen, kinds):
                found.append(seen)
            return bool(found)

        await until(there, f"{run_id} is {kinds[0].__name__}", within=self.within_s)
        return found[0]

    async def ended(self, run_id: str) -> Ended:
        return await self.reaches(run_id, Ended)

    async def refused(self, order: RunOrder) -> Refused:
        """What is said of a run that does not start."""
        await self.backend.launch([order])
        return await self.reaches(order.run_id, Refused)

    async def reading(self, run_id: str) -> Reading:
        """What it has used."""
        return (await self.backend.measure([run_id]))[run_id]

    async def runs(self, script: str = "", grace_s: float = 10) -> str:
        """A run that has begun with this script and then waits for `go`."""
        id = await self.launch(f"{script}\necho begun >> begun-$JOBYARD_RUN_ID\n{self.WAIT_FOR_GO}", grace_s)
        await until(lambda: self.lines(f"begun-{id}"), "the script has begun")
        await self.reaches(id, Started)
        return id

    def go(self) -> None:
        self.touch("go")

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def output(self, run_id: str) -> dict[int, bytes]:
        """What each stream has written, by whole frames; nothing may follow the last one."""
        data = self.backend.output(run_id).read_bytes()
        frames, taken = split(data)
        assert taken == len(data)
        joined = {STDOUT: b"", STDERR: b""}
        for kind, _, piece in frames:
            joined[kind] = joined.get(kind, b"") + piece
        return joined

    def has_written(self, run_id: str, out: bytes, error: bytes = b"") -> bool:
        """Whether this is the output, in all; where streams are not told apart, in any order of their pieces."""
        written = self.output(run_id)
        if self.apart:
            return written == {STDOUT: out, STDERR: error}
        return sorted(written[STDOUT]) == sorted(out + error) and not written[STDERR]

    def everything(self, run_id: str) -> bytes:
        """What both streams have written."""
        return b"".join(self.output(run_id).values())

    def end_everything(self) -> None:
        """Leave no process of this test behind."""
        for id in self.run_ids:
            for process in processes_of(id):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


def order_of(id: str, argv: tuple[str, ...], folder: Path, grace_s: float, hidden: tuple[str, ...] = ()) -> RunOrder:
    """One rank of a run by its id, which has `folder` for everything."""
    run, rank = rank_of(id)
    job, _, attempt = run.partition(".")
    return RunOrder(
        run_id=id,
        job_id=job,
        attempt=int(attempt),
        rank=rank,
        ranks=rank + 1,
        node="node-1",
        owner="ada",
        vc="default",
        image=None,
        device_type=CPU,
        devices=(),
        cpus=1.0,
        memory_mib=0,
        folders=Folders(folder, folder, folder, None, folder / f"{id}.jsonl"),
        argv=argv,
        env={"PATH": PATH, "JOBYARD_RUN_ID": id},
        grace_s=grace_s,
        hidden=hidden,
    )


def processes_of(run_id: str) -> list[psutil.Process]:
    """Every living process that was started with the run's id in its environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("JOBYARD_RUN_ID") == run_id:
                found.append(process)
    return found


class ProcessHome:
    """The folder of a backend `process`, and the processes that live in it without being anybody's run."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def spawner(self) -> int:
        """The pid of the warm parent, whose name a supervisor bears as well for the moment after it was forked.

        Raises ValueError when there is none.
        """
        named = {process.pid: process.ppid() for process in self._here() if process.name() == "jobyard-spawner"}
        [pid] = [pid for pid, parent in named.items() if parent not in named]
        return pid

    def kill_spawner(self) -> None:
        pid = self.spawner()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self._named("jobyard-spawner"), "the spawner is gone")

    def kill_all(self) -> None:
        """End spawner, supervisors and what they have started, so that no test leaves a process behind."""
        for pid in [*self._named("jobyard-spawner"), *self._named("jobyard-run")]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                for each in [process, *process.children(recursive=True)]:
                    each.kill()
        clear_groups(self.home)

    def supervisors(self) -> list[int]:
        return self._named("jobyard-run")

    def mark(self, run_id: str, **facts: object) -> None:
        """Write the start mark of a run as its supervisor would have."""
        runs = self.home / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{name}={value}\n" for name, value in facts.items())
        (runs / f"{run_id}.run").write_text(f"{text}.\n")

    def files(self, run_id: str) -> set[str]:
        return {path.name.removeprefix(run_id) for path in (self.home / "runs").glob(f"{run_id}*")}

    def _named(self, name: str) -> list[int]:
        return [process.pid for process in self._here() if process.name() == name]

    def _here(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(self.home):
                    yield process
