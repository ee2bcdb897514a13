"""The executor around a backend that does only what a test says: who starts, and what is remembered."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.frames import STDOUT, frame
from services.executor.backends.protocol import AnswersItself, Changed, Execution, RunOrder
from services.executor.checkpoints import Looks
from services.executor.domain.admission import Capacity
from services.executor.domain.equipment import Equipment
from services.executor.domain.gang import Verdict
from services.executor.domain.observation import Cancelled, Ended, Lost, Observation, Started, Waiting
from services.executor.domain.pulling import Pull
from services.executor.domain.reading import Reading
from services.executor.domain.repairs import Phase
from services.executor.doorway import Doorway
from services.executor.download import Downloads
from services.executor.executor import Executor
from services.executor.handlers import Handlers
from services.executor.known import REMEMBER_S
from services.executor.outputs import Outputs
from services.executor.placed import Assignment
from services.executor.prepare import Preparation
from services.executor.reporter import Reporter
from services.executor.run import Run
from services.executor.secrets import Secrets
from services.executor.storages import Storages
from services.executor.store import RunStore
from services.executor.usage.exporter import Exporter
from services.executor.usage.feed import SampleFeed
from services.executor.usage.files import UsageFiles
from services.executor.usage.looks import JobFolders
from services.executor.usage.sampler import Sampler
from services.executor.usage.tallies import Tallies
from shared.bus.bus import Bus
from shared.contracts.commands.command import Command
from shared.contracts.commands.logs import ReadLog
from shared.contracts.commands.secrets import RegistryLogin, RevealedSecrets, RevealLogin, RevealSecrets
from shared.contracts.errors import Conflict, NotFound, Unavailable
from shared.contracts.job import Reason
from shared.contracts.streams import Child
from shared.paths import Roots
from shared.settings import PlatformSettings
from shared.store.open import open_store
from shared.store.port import Store, StoreUnavailable
from tests.support.clock import ManualClock
from tests.support.disks import Frozen, freezing_disk
from tests.support.executor import BOOT, ID, NODE, assignment_of, launch_of, view_of
from tests.support.silent import Silence, silent_storage
from tests.support.waiting import until

RUN = f"{ID}.1"
ENDED = Ended(1, 2, 0, None, stopped=False, forced=False, output_bytes=0)
FAILED = replace(ENDED, ended_ns=3, exit_code=7)


class Scripted:
    """A backend in which a run is what the test says it is."""

    uses_images = False
    reports_beside_job = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.launched: list[str] = []
        self.orders: dict[str, RunOrder] = {}
        self.stopped: list[str] = []
        self.seen: dict[str, Observation] = {}
        self.pulling: dict[str, Pull] = {}
        self.unreachable: set[str] = set()

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        """Nothing changes by itself."""

    async def stand(self) -> None:
        """It has no work of its own."""

    async def close(self) -> None:
        """Nothing was opened."""

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        self.launched += [order.run_id for order in orders]
        self.orders.update({order.run_id: order for order in orders})

    async def stop(self, run_id: str) -> None:
        if run_id in self.unreachable:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.stopped.append(run_id)

    async def force(self, run_ids: Sequence[str], reason: Reason) -> tuple[str, ...]:
        forced = tuple(id for id in run_ids if id in self.unreachable)
        if not forced:
            raise AnswersItself
        for id in forced:
            self.seen[id] = Lost(reason)
        return forced

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        return {id: self.seen.get(id, Waiting()) for id in run_ids}

    async def pulls(self, run_ids: Sequence[str]) -> dict[str, Pull]:
        return {id: self.pulling[id] for id in run_ids if id in self.pulling}

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        return {}

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        raise Conflict("Nothing runs here.", details={"code": "run_not_running"})

    async def dial(self, run_id: str, port: int) -> socket.socket:
        raise Conflict("Nothing runs here.", details={"code": "run_not_running"})

    def output(self, run_id: str, child: str | None = None) -> Path:
        return self._folder / f"{run_id}{child or ''}.output"

    async def forget(self, run_ids: Sequence[str]) -> None:
        for id in run_ids:
            if id in self.unreachable:
                raise OSError(errno.EBUSY, "Device or resource busy")
            self.seen.pop(id, None)


class Full(RunStore):
    """Takes no verdict, as its disk is full."""

    async def rule(self, verdict: Verdict) -> Verdict:
        raise StoreUnavailable("The disk is full.")


class Gateway(Bus):
    """Reveals what it knows, one value at a time; slow, or away, while it is told to be."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.login: RegistryLogin | None = None
        self.asked: list[RevealSecrets | RevealLogin] = []
        self.quick = asyncio.Event()
        self.quick.set()
        self.away = False

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        self.asked.append(ask)
        await self.quick.wait()
        if self.away:
            raise Unavailable("The gateway service does not answer.")
        if isinstance(ask, RevealLogin):
            if self.login is None:
                raise NotFound("There are no credentials any more.")
            return self.login
        if missing := set(ask.names) - self.known.keys():
            raise NotFound(f"There is no secret '{min(missing)}'.")
        return RevealedSecrets(values={ask.names[0]: self.known[ask.names[0]]})


class Noted(Reporter):
    """Notes whose report was begun, and goes on with it for ever."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str]] = []

    async def report(self, run: Run) -> None:
        self.begun.append((run.record.id, run.record.kind))
        await asyncio.Event().wait()


@dataclass
class Bench:
    """What a node has; `executor()` is its next executor process."""

    folder: Path
    store: Store
    backend: Scripted
    clock: ManualClock = field(default_factory=ManualClock)
    reporter: Noted = field(default_factory=Noted)
    gateway: Gateway = field(default_factory=Gateway)
    started: list[Executor] = field(default_factory=list)
    records: type[RunStore] = RunStore
    patience_s: float = 60.0
    """How long a storage has for one touch."""

    def sampler(self, files: UsageFiles) -> Sampler:
        clock = self.clock
        feed, exporter = SampleFeed(self.gateway), Exporter(clock)
        return Sampler(self.backend.measure, lambda _: {}, Tallies(files), JobFolders(), feed, exporter, clock)

    def executor(self) -> Executor:
        files = UsageFiles(self.folder / "metrics")
        executor = Executor(
            store=self.records(self.store),
            backend=self.backend,
            reporter=self.reporter,
            outputs=Outputs(self.folder / "outputs", self.backend.output, 3600, 1 << 20, self.clock),
            sampler=self.sampler(files),
            preparation=Preparation(
                Roots(self.folder), {}, files.reports, Equipment(simulated={"v100": 2}), Storages(self.patience_s)
            ),
            secrets=Secrets(self.gateway, "node-1", uses_images=True),
            capacities={NODE: Capacity(cpus=4, memory_mib=1000, devices={"v100": 2})},
            clock=self.clock,
            boot_id=BOOT,
        )
        self.started.append(executor)
        return executor


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = open_store(PlatformSettings(data=tmp_path), "executor", local=True)
    RunStore(store)  # a collection is declared before its store is opened
    bench = Bench(tmp_path, store, Scripted(tmp_path))
    await store.open()
    yield bench
    for executor in bench.started:
        await executor.stop_reporting()
    await store.close()


@pytest.fixture
def frozen(bench: Bench) -> Iterator[Frozen]:
    with freezing_disk(bench.folder / "frozen") as disk:
        yield disk


def other(number: int, **view: int | tuple[int, ...]) -> Assignment:
    return assignment_of(view_of(f"{ID[:-1]}{number}", **view))  # type: ignore[arg-type]


async def test_a_run_is_launched_once_however_often_it_is_asked_for(bench: Bench) -> None:
    executor = bench.executor()
    await asyncio.gather(*(executor.launch([assignment_of(), assignment_of()]) for _ in range(3)))
    assert bench.backend.launched == [RUN]
    next_executor = bench.executor()
    await next_executor.start()
    await next_executor.launch([assignment_of()])
    assert bench.backend.launched == [RUN]


async def test_an_executor_that_has_not_looked_yet_starts_nothing_twice_either(bench: Bench) -> None:
    await bench.executor().launch([assignment_of()])
    await bench.executor().launch([assignment_of()])
    assert bench.backend.launched == [RUN]


async def test_of_two_runs_in_one_list_the_first_gets_the_device(bench: Bench) -> None:
    executor = bench.executor()
    first, second, third = (other(number, devices=(device,)) for number, device in enumerate((1, 1, 0)))
    await executor.launch([first, second, third])
    assert bench.backend.launched == [first.run_id, third.run_id]
    refused = executor.runs[second.run_id].record
    assert (refused.kind, refused.busy, refused.reason and refused.reason.code) == ("refused", True, "devices_busy")


async def test_what_is_not_fit_holds_nothing(bench: Bench) -> None:
    executor = bench.executor()
    unfit = assignment_of(view_of(devices=(0,)), launch_of(work_path="missing"))
    fits = other(1, devices=(0,))
    await executor.launch([unfit])
    await executor.launch([fits])
    assert bench.backend.launched == [fits.run_id]


async def test_a_stop_of_an_unknown_run_leaves_a_tombstone_that_no_launch_passes(bench: Bench) -> None:
    item = assignment_of()
    await bench.executor().stop(item)
    executor = bench.executor()
    await executor.start()
    await executor.launch([item])
    assert bench.backend.launched == bench.backend.stopped == []
    await asyncio.sleep(0)
    assert bench.reporter.begun == [(RUN, "stopped")]


async def test_a_run_that_lives_is_reported_once_at_a_time(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([assignment_of()])
    executor.report(executor.runs[RUN])
    await asyncio.sleep(0)
    assert bench.reporter.begun == [(RUN, "run")]


async def test_a_launch_repeated_is_the_same_run(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([assignment_of()])
    bench.clock.advance(60)
    await executor.launch_again(assignment_of())
    assert bench.backend.launched == [RUN, RUN]
    assert executor.runs[RUN].local(bench.clock.monotonic()).age_s == 0


async def test_a_launch_that_can_not_be_repeated_is_given_up(bench: Bench) -> None:
    work = bench.folder / "work"
    work.mkdir()
    item = assignment_of(launch=launch_of(work_path="work"))
    executor = bench.executor()
    await executor.launch([item])
    work.rmdir()
    await executor.launch_again(item)
    assert (bench.backend.launched, bench.backend.stopped) == ([RUN], [RUN])


async def test_a_new_attempt_ends_what_is_left_of_the_one_before(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([assignment_of()])
    bench.backend.seen[RUN] = Started(1, 2)
    await executor.observe([RUN])
    await executor.over([(ID, 0)])
    assert bench.backend.stopped == []
    await executor.over([(ID, 1)])
    assert bench.backend.stopped == [RUN]


async def ended(bench: Bench) -> Executor:
    """An executor with one run on both devices that has ended."""
    executor = bench.executor()
    await executor.launch([assignment_of(view_of(devices=(0, 1)))])
    bench.backend.seen[RUN] = ENDED
    await executor.observe([RUN])
    return executor


async def test_what_has_ended_holds_nothing(bench: Bench) -> None:
    executor = await ended(bench)
    await executor.launch([other(1, devices=(0, 1))])
    assert len(bench.backend.launched) == 2


async def test_a_run_may_be_forgotten_from_two_sides_at_once(bench: Bench) -> None:
    executor = await ended(bench)
    await asyncio.gather(executor.forget([RUN]), executor.over([(ID, 1)]), executor.forget([RUN]))
    await executor.stop_run(RUN)
    assert executor.runs == {}


async def test_a_forgotten_run_is_remembered_for_a_time_and_not_started_again(bench: Bench) -> None:
    executor = await ended(bench)
    await executor.forget([RUN])
    bench.clock.advance(REMEMBER_S - 1)
    await executor.expire()
    await executor.launch([assignment_of()])
    assert bench.backend.launched == [RUN]
    bench.clock.advance(2)
    await executor.expire()
    assert await RunStore(bench.store).everything() == []
    assert bench.backend.seen == {}


async def test_what_cannot_be_removed_of_a_run_keeps_its_record_and_is_removed_by_the_next_executor(
    bench: Bench,
) -> None:
    executor = await ended(bench)
    await executor.launch([other(1, devices=(0, 1))])
    bench.backend.seen[other(1).run_id] = ENDED
    await executor.observe([other(1).run_id])
    await executor.forget([RUN, other(1).run_id])
    bench.clock.advance(REMEMBER_S + 1)
    bench.backend.unreachable = {RUN}
    with pytest.raises(OSError, match="busy"):
        await executor.expire()
    assert [record.id for record in await RunStore(bench.store).everything()] == [RUN]
    assert bench.backend.seen.keys() == {RUN}
    bench.backend.unreachable.clear()
    next_executor = bench.executor()
    await next_executor.start()
    await next_executor.forget([RUN])
    bench.clock.advance(REMEMBER_S + 1)
    await next_executor.expire()
    assert await RunStore(bench.store).everything() == []
    assert bench.backend.seen == {}


async def test_a_forgotten_run_does_not_come_back_to_life_in_the_next_executor(bench: Bench) -> None:
    executor = await ended(bench)
    await executor.forget([RUN])
    next_executor = bench.executor()
    await next_executor.start()
    assert not next_executor.runs[RUN].lives
    await next_executor.launch([assignment_of(), other(1, devices=(0, 1))])
    assert bench.backend.launched == [RUN, other(1).run_id]


class PutAwayMeanwhile(Outputs):
    """Says where an output is, just before it is moved."""

    def path(self, run_id: str) -> Path | None:
        found = super().path(run_id)
        self._keep([run_id])
        return found


class Nobody(Bus):
    """No question is asked."""

    def __init__(self) -> None:
        """Nothing is connected."""


async def test_an_output_that_is_put_away_under_a_download_is_still_read_to_its_end(bench: Bench) -> None:
    outputs = PutAwayMeanwhile(bench.folder / "outputs", bench.backend.output, 3600, 1 << 20, bench.clock)
    executor = await ended(bench)
    doorway = Doorway(bench.folder, None, 0, bench.backend, executor, bench.clock)
    handlers = Handlers(executor, outputs, Downloads(), Looks(), doorway, Nobody(), bench.clock, "node-1")
    bench.backend.output(RUN).write_bytes(frame(STDOUT, 17, b"hello\n"))
    piece = await handlers.read_log(ReadLog(job_id=ID, attempt=1))
    assert (piece.text, piece.end) == ("hello\n", True)


# --- several ranks


def ranks(count: int = 2, **launch: Any) -> Assignment:
    return assignment_of(view_of(ranks=count), launch_of(**launch))


async def begun(bench: Bench, count: int = 2) -> Executor:
    """An executor with a run of so many ranks, all of which have started."""
    executor = bench.executor()
    await executor.launch([ranks(count)])
    for id in executor.runs[RUN].record.ranks:
        bench.backend.seen[id] = Started(1, 2)
    await executor.observe([RUN])
    return executor


async def test_all_ranks_are_launched_at_once_and_told_where_to_meet(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([ranks(3)])
    assert bench.backend.launched == [RUN, f"{RUN}-1", f"{RUN}-2"]
    orders = list(bench.backend.orders.values())
    assert [(order.rank, order.ranks, order.env["RANK"], order.env["WORLD_SIZE"]) for order in orders] == [
        (rank, 3, str(rank), "3") for rank in range(3)
    ]
    [port] = {order.env["MASTER_PORT"] for order in orders}
    assert len({order.folders.reports for order in orders}) == 3
    next_executor = bench.executor()
    await next_executor.start()
    await next_executor.launch_again(ranks(3))
    assert {order.env["MASTER_PORT"] for order in bench.backend.orders.values()} == {port}


async def test_a_run_of_which_one_rank_can_not_be_prepared_starts_none(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([ranks(work_path="missing")])
    assert (bench.backend.launched, executor.runs[RUN].record.kind) == ([], "refused")


async def test_a_run_that_waits_for_one_of_its_ranks_is_launched_again_and_one_that_has_failed_is_not(
    bench: Bench,
) -> None:
    executor = bench.executor()
    await executor.launch([ranks()])
    bench.backend.seen[RUN] = Started(1, 2)
    await executor.observe([RUN])
    assert executor.runs[RUN].local(0).phase is Phase.WAITING
    bench.backend.seen[RUN] = FAILED
    await executor.observe([RUN])
    assert executor.runs[RUN].local(0).phase is Phase.STARTED
    await until(lambda: bench.backend.stopped == [f"{RUN}-1"], "the other one will not start")


async def test_the_next_executor_launches_all_ranks_again_of_a_run_of_which_only_one_has_started(bench: Bench) -> None:
    """The backend starts the one that is missing, and no other."""
    await bench.executor().launch([ranks()])
    bench.backend.seen[RUN] = Started(1, 2)
    bench.backend.launched.clear()
    executor = bench.executor()
    await executor.start()
    run = executor.runs[RUN]
    assert (run.local(0).phase, run.living) == (Phase.WAITING, [RUN, f"{RUN}-1"])
    await executor.launch_again(ranks())
    assert bench.backend.launched == [RUN, f"{RUN}-1"]
    assert bench.backend.stopped == []
    bench.backend.seen[f"{RUN}-1"] = Started(2, 3)
    await executor.observe([RUN])
    assert isinstance(run.seen, Started)


async def test_a_failure_ends_the_others_and_whoever_comes_after_a_kill_goes_on_with_that(bench: Bench) -> None:
    executor = await begun(bench, 3)
    bench.backend.seen[f"{RUN}-1"] = FAILED
    executor.changed(f"{RUN}-1", FAILED)
    await until(lambda: bench.backend.stopped == [RUN, f"{RUN}-2"], "the others are told to stop")
    bench.backend.seen[RUN] = replace(FAILED, ended_ns=1)  # it breaks later, although its clock is behind
    bench.backend.stopped.clear()
    next_executor = bench.executor()
    await next_executor.start()
    await until(lambda: bench.backend.stopped == [f"{RUN}-2"], "the last one is told again")
    bench.backend.seen[f"{RUN}-2"] = replace(ENDED, stopped=True)
    await next_executor.observe([RUN])
    run = next_executor.runs[RUN]
    assert (run.seen, run.decided_by) == (Ended(1, 3, 7, None, stopped=False, forced=False, output_bytes=0), 1)


async def test_what_breaks_once_the_platform_has_asked_for_the_end_is_no_failure_for_the_next_process_either(
    bench: Bench,
) -> None:
    executor = await begun(bench)
    await executor.stop(ranks())
    assert bench.backend.stopped == [RUN, f"{RUN}-1"]
    bench.backend.seen |= {RUN: replace(ENDED, stopped=True), f"{RUN}-1": FAILED}
    next_executor = bench.executor()
    await next_executor.start()
    run = next_executor.runs[RUN]
    assert isinstance(run.seen, Ended)
    assert (run.seen.stopped, run.decided_by) == (True, None)


async def test_a_rank_that_had_failed_before_the_platform_asked_is_the_reason(bench: Bench) -> None:
    executor = await begun(bench)
    bench.backend.seen[f"{RUN}-1"] = FAILED  # and nobody has said so yet
    await executor.stop(ranks())
    bench.backend.seen[RUN] = replace(ENDED, stopped=True)
    await executor.observe([RUN])
    assert executor.runs[RUN].decided_by == 1


async def test_all_ranks_are_told_to_stop_although_the_disk_takes_no_verdict(bench: Bench) -> None:
    bench.records = Full
    executor = await begun(bench)
    await executor.stop(ranks())
    assert bench.backend.stopped == [RUN, f"{RUN}-1"]
    bench.backend.seen |= {RUN: replace(ENDED, stopped=True), f"{RUN}-1": FAILED}
    await executor.observe([RUN])
    assert executor.runs[RUN].seen == replace(ENDED, ended_ns=3, stopped=True)


async def test_a_failure_ends_the_others_although_the_disk_takes_no_verdict(bench: Bench) -> None:
    bench.records = Full
    executor = await begun(bench)
    executor.changed(RUN, FAILED)
    await until(lambda: bench.backend.stopped == [f"{RUN}-1"], "the other one is told to stop")


async def test_a_rank_that_can_not_be_told_to_stop_keeps_no_other_from_being_told(bench: Bench) -> None:
    bench.backend.unreachable = {RUN}
    executor = await begun(bench, 3)
    with pytest.raises(OSError, match="No space left"):
        await executor.stop(ranks(3))
    assert bench.backend.stopped == [f"{RUN}-1", f"{RUN}-2"]


async def test_a_run_is_over_and_forgotten_with_all_of_its_ranks(bench: Bench) -> None:
    executor = await begun(bench)
    bench.backend.seen |= {RUN: ENDED, f"{RUN}-1": ENDED}
    await executor.observe([RUN])
    for rank in (RUN, f"{RUN}-1"):
        bench.backend.output(rank).write_bytes(frame(STDOUT, 17, b"hello\n"))
    await executor.forget([RUN])
    assert sorted(path.name for path in (bench.folder / "outputs").iterdir()) == [f"{RUN}-1.output", f"{RUN}.output"]
    bench.clock.advance(REMEMBER_S + 1)
    await executor.expire()
    assert bench.backend.seen == {}
    assert await RunStore(bench.store).verdicts() == {}


# --- secrets


def with_secrets(**secrets: str) -> Assignment:
    return assignment_of(launch=launch_of(env={"SEED": "1"}, secrets=secrets))


async def launched(bench: Bench) -> None:
    await until(lambda: bench.backend.launched == [RUN], "the run is launched")


async def test_a_run_gets_its_secrets_and_their_values_are_to_be_hidden(bench: Bench) -> None:
    bench.gateway.known = {"hf": "a long token", "pin": "123", "pem": "BEGIN\nabcdef\nEND"}
    await bench.executor().launch([with_secrets(HF_TOKEN="hf", PIN="pin", PEM="pem")])
    await launched(bench)
    order = bench.backend.orders[RUN]
    expected = {"SEED": "1", "HF_TOKEN": "a long token", "PIN": "123", "PEM": "BEGIN\nabcdef\nEND"}
    assert expected.items() <= order.env.items()
    assert order.hidden == ("BEGIN", "a long token", "abcdef")
    assert "token" not in repr(order)
    assert {ask.job_id for ask in bench.gateway.asked} == {ID}


async def test_a_secret_that_is_gone_refuses_the_run_for_good_and_is_named(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([with_secrets(TOKEN="gone")])
    await until(lambda: RUN in executor.runs, "it is refused")
    record = executor.runs[RUN].record
    assert (record.kind, record.busy) == ("refused", False)
    assert record.reason is not None
    assert (record.reason.code, record.reason.message) == ("secret_missing", "There is no secret 'gone'.")
    assert bench.backend.launched == []


LOGIN = RegistryLogin(registry="quay.io", username="robot", password="canary-7f3e")


async def test_what_an_image_is_pulled_with_comes_with_the_order_and_is_shown_nowhere(bench: Bench) -> None:
    bench.gateway.login = LOGIN
    await bench.executor().launch([assignment_of(launch=launch_of(image="quay.io/x:1", login="quay.io"))])
    await launched(bench)
    order = bench.backend.orders[RUN]
    assert order.login == LOGIN
    assert "canary-7f3e" not in repr(order) + str(order.env)
    assert bench.gateway.asked == [RevealLogin(job_id=ID)]


async def test_credentials_that_are_gone_refuse_the_run_for_good(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([assignment_of(launch=launch_of(image="quay.io/x:1", login="quay.io"))])
    await until(lambda: RUN in executor.runs, "it is refused")
    reason = executor.runs[RUN].record.reason
    assert reason is not None and reason.code == "registry_login_missing"
    assert bench.backend.launched == []


async def test_a_run_that_waits_for_its_image_says_so_and_one_that_has_started_does_not(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([assignment_of()])
    assert await executor.pulls([RUN, "unknown"]) == {}
    bench.backend.pulling[RUN] = Pull("x:1", 0, layers=3, layers_there=1)
    assert (await executor.pulls([RUN]))[RUN].code == "pulling_image"
    bench.backend.seen[RUN] = Started(1, 2)
    await executor.observe([RUN])
    assert await executor.pulls([RUN]) == {}


async def test_while_the_gateway_is_away_the_launch_waits_and_is_asked_for_again(bench: Bench) -> None:
    bench.gateway.known, bench.gateway.away = {"hf": "token"}, True
    executor = bench.executor()
    await executor.launch([with_secrets(TOKEN="hf")])
    await until(lambda: len(bench.gateway.asked) == 1, "the gateway was asked")
    await asyncio.sleep(0)
    assert not executor.knows(RUN)
    bench.gateway.away = False
    await executor.launch([with_secrets(TOKEN="hf")])  # as the reconcile loop does
    await launched(bench)


async def test_nobody_else_waits_for_a_secret_and_it_is_asked_for_once(bench: Bench) -> None:
    bench.gateway.known = {"hf": "token"}
    bench.gateway.quick.clear()
    executor = bench.executor()
    await executor.launch([with_secrets(TOKEN="hf"), other(1)])
    await executor.launch([with_secrets(TOKEN="hf")])
    assert bench.backend.launched == [f"{ID[:-1]}1.1"]
    bench.gateway.quick.set()
    await until(lambda: len(bench.backend.launched) == 2, "both run")
    assert len(bench.gateway.asked) == 1


async def test_a_job_that_was_stopped_while_its_secrets_were_asked_for_never_starts(bench: Bench) -> None:
    bench.gateway.known = {"hf": "token"}
    bench.gateway.quick.clear()
    executor = bench.executor()
    item = with_secrets(TOKEN="hf")
    await executor.launch([item])
    await until(lambda: bench.gateway.asked, "the gateway was asked")
    await executor.stop(item)
    bench.gateway.quick.set()
    await executor.launch([other(1)])
    await until(lambda: bench.backend.launched, "another one runs")
    assert RUN not in bench.backend.launched
    assert executor.runs[RUN].record.kind == "stopped"


async def test_a_launch_that_is_repeated_gets_its_secrets_again(bench: Bench) -> None:
    bench.gateway.known = {"hf": "token"}
    executor = bench.executor()
    item = with_secrets(TOKEN="hf")
    await executor.launch([item])
    await launched(bench)
    bench.backend.orders.clear()
    bench.gateway.away = True
    await executor.launch_again(item)
    assert bench.backend.orders == {}
    bench.gateway.away = False
    await executor.launch_again(item)
    assert bench.backend.orders[RUN].env["TOKEN"] == "token"


async def test_a_run_is_given_up_on_an_operators_word_unless_its_node_answers(bench: Bench) -> None:
    executor = bench.executor()
    await executor.launch([assignment_of()])
    with pytest.raises(Conflict) as refusal:
        await executor.force(RUN, "ada")
    assert refusal.value.details == {"code": "node_answers"}
    assert executor.runs[RUN].lives
    bench.backend.unreachable.add(RUN)
    assert await executor.force(RUN, "ada") == (NODE,)
    await executor.observe([RUN])
    seen = executor.runs[RUN].seen
    assert isinstance(seen, Lost)
    assert (seen.reason.code, seen.reason.details) == ("run_forced", {"actor": "ada"})
    with pytest.raises(Conflict):
        await executor.force(RUN, "ada")


# --- a storage that does not answer


def on(storage: Silence, number: int) -> Assignment:
    return assignment_of(view_of(f"{ID[:-1]}{number}"), launch_of(job_path=str(storage.folder / str(number))))


async def test_while_a_storage_is_silent_runs_elsewhere_are_launched_and_stopped(bench: Bench) -> None:
    with silent_storage(bench.folder / "away") as away:
        executor, first, second = bench.executor(), other(1), other(2)
        await executor.launch([first])
        await executor.launch([on(away, number) for number in range(3, 8)])
        await executor.launch([second])
        await executor.stop(first)
        assert bench.backend.launched == [first.run_id, second.run_id]
        assert bench.backend.stopped == [first.run_id]
        assert executor.runs.keys() == {first.run_id, second.run_id}


async def test_a_run_whose_storage_is_silent_for_long_waits_elsewhere_and_says_why(bench: Bench) -> None:
    bench.patience_s = 0.01
    with silent_storage(bench.folder / "away") as away:
        executor, item = bench.executor(), on(away, 3)
        await executor.launch([item])
        await until(lambda: item.run_id in executor.runs, "it is decided")
        record = executor.runs[item.run_id].record
        assert (record.kind, record.busy) == ("refused", True)
        assert record.reason is not None
        words = f"The folder {away.folder}/3 cannot be used just now: its storage does not answer."
        assert (record.reason.code, record.reason.message) == ("path_unusable", words)
        away.end()
        await executor.launch([item])
    assert bench.backend.launched == []


async def test_a_run_that_is_stopped_while_its_storage_is_silent_never_starts(bench: Bench, frozen: Frozen) -> None:
    executor, item = bench.executor(), assignment_of(launch=launch_of(job_path=str(frozen.folder / "job")))
    frozen.freeze()
    await executor.launch([item])
    await executor.stop(item)
    assert executor.runs[RUN].record.kind == "stopped"
    frozen.thaw()
    await until(lambda: os.path.isdir(frozen.folder / "job"), "the storage has answered")
    other_one = other(2)
    await executor.launch([other_one, item])
    assert bench.backend.launched == [other_one.run_id]


async def test_a_run_that_is_over_for_the_platform_while_its_storage_is_silent_never_starts(
    bench: Bench, frozen: Frozen
) -> None:
    executor, item = bench.executor(), assignment_of(launch=launch_of(job_path=str(frozen.folder / "job")))
    frozen.freeze()
    await executor.launch([item])
    await executor.over([(ID, 0)])
    assert executor.runs == {}
    await executor.over([(ID, 1)])
    frozen.thaw()
    await until(lambda: os.path.isdir(frozen.folder / "job"), "the storage has answered")
    await executor.launch([other(2), item])
    assert bench.backend.launched == [other(2).run_id]


async def test_a_run_that_is_asked_for_again_while_its_storage_is_silent_starts_once(
    bench: Bench, frozen: Frozen
) -> None:
    executor, item = bench.executor(), assignment_of(launch=launch_of(job_path=str(frozen.folder / "job")))
    frozen.freeze()
    for _ in range(3):
        await executor.launch([item, item])
    assert executor.runs == {}
    frozen.thaw()
    await until(lambda: bench.backend.launched, "it is launched")
    await executor.launch([item])
    assert bench.backend.launched == [RUN]


async def test_a_run_that_was_stopped_while_it_was_to_be_launched_again_is_not(bench: Bench, frozen: Frozen) -> None:
    folder = frozen.folder / "job"
    executor, item = bench.executor(), assignment_of(launch=launch_of(job_path=str(folder)))
    await executor.launch([item])
    folder.joinpath("checkpoints").rmdir()
    frozen.freeze()
    again = asyncio.create_task(executor.launch_again(item))
    await asyncio.sleep(0)
    executor.changed(RUN, Cancelled(1))
    frozen.thaw()
    await again
    assert bench.backend.launched == [RUN]
