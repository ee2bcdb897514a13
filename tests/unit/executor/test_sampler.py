"""Runs are sampled while they live, often while they are young, and are summed up once when they are over."""

import asyncio
import errno
import json
import math
import os
from pathlib import Path

import pytest
import structlog

from services.executor.domain.holder import Holder
from services.executor.domain.observation import Ended
from services.executor.domain.used import MOST, SECOND_NS
from services.executor.usage.exporter import AFTER_END_S
from services.executor.usage.files import beside
from services.executor.usage.sampler import ALL_VALUES_S, EVERY_S, YOUNG_S, Sampler
from shared.contracts.families import REPORTED
from shared.contracts.metrics import Accelerator, NetworkTotals, RunUsage, Sample
from tests.support.executor import ID, NOW, member_of
from tests.support.silent import silent_storage
from tests.support.usage import HOSTILE, START_NS, Driven, Holding, Node, reading_of
from tests.support.waiting import until

RUN = f"{ID}.1"
RECORD = member_of()
GPU = Accelerator(kind="gpu", device=1, utilization=0.5, memory_bytes=9)


def ended(after_s: float, **totals: int) -> Ended:
    end = START_NS + int(after_s * SECOND_NS)
    reading = reading_of(after_s, **totals) if totals else None
    return Ended(START_NS, end, 0, None, stopped=False, forced=False, output_bytes=0, totals=reading)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


async def sweep(node: Node, sampler: Sampler, seconds: float = 1.0) -> list[Sample]:
    """Let so much time pass, sweep, and return the samples that came of it."""
    node.clock.advance(seconds)
    before = len(node.feed.samples)
    await sampler.sweep()
    return node.feed.samples[before:]


def report(folder: Path, text: str) -> None:
    """The run appends this to its file in the job's folder."""
    with beside(folder, RUN).open("a") as file:
        file.write(text)


def exported(node: Node, name: str) -> list[tuple[dict[str, str], float]]:
    """The series of this name that a scrape finds."""
    return [
        (found.labels, found.value) for one in node.exporter.collect() for found in one.samples if found.name == name
    ]


# --- samples


async def test_a_sample_says_whose_it_is_and_what_was_read(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(member_of(rank=2), START_NS)
    node.measured.readings[RUN] = reading_of(
        1.5, cpu_ns=1_500_000_000, memory_bytes=7, receive_bytes=1, transmit_bytes=2, read_bytes=3, write_bytes=4
    )
    _, sample = await sweep(node, sampler)
    assert (sample.job_id, sample.attempt, sample.rank, sample.vc, sample.owner) == (ID, 1, 2, "default", "ada")
    assert (sample.time - NOW).total_seconds() == 1.5
    assert (sample.cpu_seconds, sample.memory_bytes, sample.block_read_bytes, sample.block_write_bytes) == (
        1.5,
        7,
        3,
        4,
    )
    assert sample.network == NetworkTotals(receive_bytes=1, transmit_bytes=2, scope="run")


async def test_a_run_that_was_never_sampled_begins_with_zero_of_what_is_counted(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1, cpu_ns=10**9, receive_bytes=5, transmit_bytes=6, memory_bytes=7)
    start, first = await sweep(node, sampler)
    assert (start.time, start.cpu_seconds, start.block_read_bytes, start.memory_bytes) == (NOW, 0, None, None)
    assert start.network == NetworkTotals(receive_bytes=0, transmit_bytes=0, scope="run")
    assert first.cpu_seconds == 1
    assert len(await sweep(node, sampler)) == 1
    again = node.sampler()
    again.follow(RECORD, START_NS)
    assert len(await sweep(node, again)) == 1


async def test_the_machines_network_is_no_runs_zero(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1, receive_bytes=5, transmit_bytes=6, network_scope="host")
    [sample] = await sweep(node, sampler)
    assert sample.network == NetworkTotals(receive_bytes=5, transmit_bytes=6, scope="host")


async def test_a_run_of_half_a_second_has_a_sample_at_its_start_and_one_at_its_end(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    await sampler.finish(RECORD, ended(0.5, cpu_ns=5 * 10**8))
    found = [((sample.time - NOW).total_seconds(), sample.cpu_seconds) for sample in node.feed.samples]
    assert found == [(0, 0), (0.5, 0.5)]


async def test_a_run_that_does_not_live_has_no_sample(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    assert await sweep(node, sampler) == []
    assert node.measured.asked == [[RUN]]


async def test_a_run_of_an_older_executor_that_noted_no_owner_is_summed_up_without_samples(node: Node) -> None:
    sampler, record = node.sampler(), member_of(owner=None)
    sampler.follow(record, START_NS)
    node.measured.readings[RUN] = reading_of(1, memory_bytes=7)
    assert await sweep(node, sampler) == []
    usage = await sampler.finish(record, ended(2))
    assert usage is not None
    assert usage.memory_peak_bytes == 7
    assert node.feed.samples == []


async def test_young_runs_are_sampled_with_each_sweep_and_older_ones_all_together_each_five_seconds(node: Node) -> None:
    sampler = node.sampler()
    old = [member_of(id=f"{ID}.{number}") for number in (2, 3)]
    for record in old:
        sampler.follow(record, START_NS - int(YOUNG_S) * SECOND_NS)
    sampler.follow(RECORD, START_NS)
    for _ in range(10):
        await sweep(node, sampler)
    everyone, young = [RUN, *(record.id for record in old)], [RUN]
    assert node.measured.asked == [*[young] * 4, everyone, *[young] * 4, everyone]


async def test_what_a_slow_sweep_missed_is_not_made_up_for(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS - int(YOUNG_S) * SECOND_NS)
    await sweep(node, sampler, 10 * EVERY_S)
    for _ in range(4):
        await sweep(node, sampler)
    assert len(node.measured.asked) == 1


async def test_nothing_is_read_while_nothing_runs(node: Node) -> None:
    await sweep(node, node.sampler(), 60)
    assert node.measured.asked == []


async def test_a_sweep_that_the_node_cannot_do_is_followed_by_the_next(node: Node) -> None:
    async def out_of_files() -> None:
        if len(node.measured.asked) == 1:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    node.measured.meanwhile = out_of_files
    node.measured.readings[RUN] = reading_of(1)
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    task = asyncio.create_task(sampler.run())
    await until(lambda: node.feed.samples, "the run is sampled")
    task.cancel()


# --- devices


async def test_a_runs_real_devices_are_in_its_samples(node: Node) -> None:
    node.devices = driven = Driven(GPU)
    record = member_of(device_type="a100", devices=(1,))
    sampler = node.sampler()
    sampler.follow(record, START_NS)
    node.measured.readings[RUN] = reading_of(2, pids=(5, 6))
    [sample] = await sweep(node, sampler)
    assert sample.accelerators == (GPU,)
    assert driven.asked == [Holder(RUN, "a100", (1,), (5, 6))]
    usage = await sampler.finish(record, ended(4))
    assert usage is not None
    assert (usage.device_seconds, usage.device_measured_seconds, usage.device_utilization_mean) == (4, 2, 0.5)


async def test_devices_that_nothing_is_known_of_are_held_and_not_measured_and_runs_without_any_ask_no_driver(
    node: Node,
) -> None:
    record = member_of(device_type="v100", devices=(1,))
    sampler = node.sampler()
    sampler.follow(record, START_NS)
    sampler.follow(member_of(id=f"{ID}.2", attempt=2), START_NS)
    node.measured.readings = {RUN: reading_of(2), f"{ID}.2": reading_of(2)}
    assert [sample.accelerators for sample in await sweep(node, sampler)] == [(), ()]
    assert [holder.run_id for holder in node.devices.asked] == [RUN]
    usage = await sampler.finish(record, ended(4))
    assert usage is not None
    assert (usage.device_seconds, usage.device_measured_seconds, usage.device_utilization_mean) == (4, 0, None)


# --- what a run reports


async def test_what_a_run_reports_is_in_the_next_sample_and_the_last_values_in_the_sum(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1)
    node.reports(RUN, '{"loss": 3, "step": 1}\n{"loss": 2, "step": 2}\n')
    [first] = await sweep(node, sampler)
    [second] = await sweep(node, sampler)
    node.reports(RUN, '{"loss": 1}\nnonsense\n{"acc": 0.5}')
    [third] = await sweep(node, sampler)
    assert [sample.reported for sample in (first, second, third)] == [{"loss": 2, "step": 2}, {}, {"loss": 1}]
    assert third.dropped == 1
    usage = await sampler.finish(RECORD, ended(9))
    assert usage is not None
    assert (usage.reported, usage.dropped) == ({"loss": 1, "step": 2, "acc": 0.5}, 1)
    assert node.feed.samples[-1].reported == {"acc": 0.5}


async def test_a_loss_that_became_nan_is_told_until_it_is_a_number_again(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1)
    said = []
    for line in ('{"loss": 0.5, "step": 1}', '{"loss": NaN, "step": 2}', '{"step": 3}', '{"loss": 0.25}'):
        node.reports(RUN, line + "\n")
        [sample] = await sweep(node, sampler)
        shown = {labels["name"]: value for labels, value in exported(node, REPORTED)}
        said.append((sample.reported, sample.not_finite, math.isnan(shown["loss"]), sample.dropped))
    assert said == [
        ({"loss": 0.5, "step": 1}, (), False, 0),
        ({"step": 2}, ("loss",), True, 0),
        ({"step": 3}, (), True, 0),
        ({"loss": 0.25}, (), False, 0),
    ]
    node.reports(RUN, '{"loss": -Infinity}\n')
    usage = await sampler.finish(RECORD, ended(9))
    assert usage is not None
    assert (usage.reported, usage.not_finite) == ({"step": 3}, ("loss",))
    assert node.feed.samples[-1].not_finite == ("loss",)


async def test_each_minute_and_from_each_process_a_sample_has_all_that_was_reported(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1)
    node.reports(RUN, '{"lr": 0.1, "loss": NaN}\n')
    await sweep(node, sampler, EVERY_S)
    [sample] = await sweep(node, sampler, EVERY_S)
    assert (sample.reported, sample.not_finite) == ({}, ())
    [sample] = await sweep(node, sampler, ALL_VALUES_S)
    assert (sample.reported, sample.not_finite) == ({"lr": 0.1}, ("loss",))
    [sample] = await sweep(node, sampler, EVERY_S)
    assert (sample.reported, sample.not_finite) == ({}, ())
    again = node.sampler()
    again.follow(RECORD, START_NS)
    [sample] = await sweep(node, again, EVERY_S)
    assert (sample.reported, sample.not_finite) == ({"lr": 0.1}, ("loss",))


async def test_an_end_that_only_the_next_process_sees_has_all_that_was_reported(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1)
    node.reports(RUN, '{"lr": 0.1}\n')
    await sweep(node, sampler)
    node.reports(RUN, '{"loss": 0.5}\n')
    await node.sampler().finish(RECORD, ended(9))
    assert node.feed.samples[-1].reported == {"lr": 0.1, "loss": 0.5}


async def test_values_that_are_reported_once_among_many_fast_ones_are_found(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1)
    fast = "".join(f'{{"step": {number}, "loss": 0.5}}\n' for number in range(10_000))
    node.reports(RUN, '{"lr": 0.1}\n' + fast + '{"val_acc": 0.75}\n' + fast)
    await sweep(node, sampler)
    usage = await sampler.finish(RECORD, ended(2))
    assert usage is not None
    assert usage.reported == {"lr": 0.1, "step": 9_999, "loss": 0.5, "val_acc": 0.75}
    assert usage.dropped == 0


async def test_a_million_names_are_cut_off_with_a_counted_drop_and_the_neighbour_loses_nothing(node: Node) -> None:
    sampler, other = node.sampler(), member_of(id=f"{ID}.2", attempt=2)
    node.measured.readings = {RUN: reading_of(1), other.id: reading_of(1)}
    for record in (RECORD, other):
        sampler.follow(record, START_NS)
    node.reports(RUN, "".join(f'{{"n{number}": 1}}\n' for number in range(1_000_000)))
    node.reports(other.id, '{"loss": 0.5}\n')
    flooded, calm = await sweep(node, sampler)
    assert (len(flooded.reported), flooded.dropped) == (100, 999_900)
    assert (calm.reported, calm.dropped) == ({"loss": 0.5}, 0)
    assert len(flooded.model_dump_json()) < 64 * 1024


# --- runs that spoil their own files


@pytest.mark.parametrize("tally", HOSTILE)
async def test_a_run_that_spoils_its_tally_is_begun_anew_and_its_neighbour_loses_nothing(
    node: Node, tally: str
) -> None:
    spoiled = node.folder / "metrics" / f"{RUN}.tally"
    other = member_of(id=f"{ID}.2", attempt=2)
    node.measured.readings = {RUN: reading_of(1, memory_bytes=7), other.id: reading_of(1, memory_bytes=8)}
    spoiled.write_text(tally + "\n")
    sampler = node.sampler()
    for record in (RECORD, other):
        sampler.follow(record, START_NS)
    assert [sample.memory_bytes for sample in await sweep(node, sampler)] == [7, 8]
    spoiled.write_text(tally + "\n")
    assert [sample.memory_bytes for sample in await sweep(node, sampler)] == [7, 8]
    spoiled.write_text(tally + "\n")
    assert await node.sampler().lose(RECORD) is None
    usage = await node.sampler().finish(RECORD, ended(3))
    assert usage is not None
    assert usage.seconds == 3
    Sample.model_validate_json(node.feed.samples[-1].model_dump_json())
    RunUsage.model_validate_json(usage.model_dump_json())


@pytest.mark.parametrize(
    "tally",
    [
        '{"started_ns": 9223372036854775807, "used": {"at_ns": 9223372036854775807}, "ended_ns": 1}',
        '{"started_ns": 1, "used": {"at_ns": 1, "device_s": 1e12, "device_idle_s": 1e12, "device_use_s": 1e12}}',
        f'{{"started_ns": 1, "used": {{"at_ns": 1, "totals": {{"cpu_ns": {MOST}}}}}, "dropped": {MOST}}}',
        f'{{"started_ns": 1, "used": {{"at_ns": 1, "memory_s": 5e-324}}, "position": {{"offset": {(1 << 63) - 1}}}}}',
    ],
)
async def test_a_tally_at_the_end_of_its_bounds_makes_a_sum_that_holds(node: Node, tally: str) -> None:
    record = member_of(device_type="a100", devices=(1,))
    node.devices = Driven(GPU)
    node.measured.readings[RUN] = reading_of(1, cpu_ns=1, memory_bytes=7)
    node.reports(RUN, "nonsense\n" * 3)
    (node.folder / "metrics" / f"{RUN}.tally").write_text(tally + "\n")
    sampler = node.sampler()
    sampler.follow(record, START_NS)
    await sweep(node, sampler)
    await sweep(node, sampler)
    usage = await sampler.finish(record, ended(3))
    assert usage is not None
    RunUsage.model_validate_json(usage.model_dump_json())
    assert usage.seconds == usage.device_seconds == 3
    assert usage.device_idle_seconds <= usage.device_measured_seconds <= usage.device_seconds


async def test_figures_that_are_none_cost_their_run_a_sample_and_nobody_else_any(node: Node) -> None:
    other = member_of(id=f"{ID}.2", attempt=2)
    node.measured.readings = {RUN: reading_of(1, memory_bytes=-1), other.id: reading_of(1, memory_bytes=8)}
    sampler = node.sampler()
    for record in (RECORD, other):
        sampler.follow(record, START_NS)
    with structlog.testing.capture_logs() as logs:
        assert [sample.memory_bytes for sample in await sweep(node, sampler)] == [8]
    assert [(entry["event"], entry["run_id"]) for entry in logs] == [("usage_begun_anew", RUN)]
    assert node.files.load(RUN) is None
    node.measured.readings[RUN] = reading_of(2, memory_bytes=7)
    assert [sample.memory_bytes for sample in await sweep(node, sampler)] == [7, 8]
    assert await sampler.finish(RECORD, ended(3, cpu_ns=-1)) is None
    assert await sampler.finish(other, ended(3)) is not None


# --- the end


async def test_what_a_run_reports_just_before_its_end_is_in_a_sample(node: Node) -> None:
    held = Holding(node.files, RUN)
    sampler = node.sampler(held)
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1)
    node.reports(RUN, '{"loss": 0.5}\n')
    sweeping = asyncio.create_task(sweep(node, sampler))
    await until(held.reached.is_set, "the run's reports have been read")
    finishing = asyncio.create_task(sampler.finish(RECORD, ended(2)))
    await asyncio.sleep(0)
    held.go_on.set()
    await asyncio.gather(sweeping, finishing)
    assert [sample.reported for sample in node.feed.samples] == [{"loss": 0.5}, {}]
    assert exported(node, REPORTED) == [
        ({"job_id": ID, "vc": "default", "owner": "ada", "rank": "0", "name": "loss"}, 0.5)
    ]


async def test_an_end_waits_for_no_other_run(node: Node) -> None:
    held, other = Holding(node.files, RUN), member_of(id=f"{ID}.2", attempt=2)
    sampler = node.sampler(held)
    node.measured.readings = {RUN: reading_of(1), other.id: reading_of(1)}
    for record in (RECORD, other):
        sampler.follow(record, START_NS)
    sweeping = asyncio.create_task(sweep(node, sampler))
    await until(held.reached.is_set, "the sweep is at the first run")
    assert await sampler.finish(other, ended(2)) is not None
    assert not sweeping.done()
    held.go_on.set()
    assert [sample.attempt for sample in await sweeping] == [2, 1]


async def test_the_last_sample_has_the_final_totals_and_nothing_of_the_moment(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1, cpu_ns=10**9, memory_bytes=7)
    await sweep(node, sampler)
    usage = await sampler.finish(RECORD, ended(2.5, cpu_ns=2 * 10**9, write_bytes=5))
    last = node.feed.samples[-1]
    assert (last.cpu_seconds, last.block_write_bytes, last.memory_bytes, last.accelerators) == (2.0, 5, None, ())
    assert (last.time - NOW).total_seconds() == 2.5
    assert usage is not None
    assert (usage.seconds, usage.cpu_seconds, usage.block_write_bytes) == (2.5, 2.0, 5)
    assert (usage.memory_peak_bytes, usage.memory_mean_bytes) == (7, 7.0)
    assert await sweep(node, sampler) == []


async def test_a_run_that_was_over_before_the_first_sample_has_its_totals_and_leaves_no_file(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.reports(RUN, '{"loss": 1}\n')
    usage = await sampler.finish(RECORD, ended(0.5, cpu_ns=10**8))
    assert usage is not None
    assert (usage.seconds, usage.cpu_seconds, usage.memory_peak_bytes, usage.reported) == (0.5, 0.1, None, {"loss": 1})
    assert node.files.load(RUN) is None
    assert await node.sampler().finish(RECORD, ended(0.5, cpu_ns=10**8)) == usage


async def test_an_end_that_is_told_again_also_by_the_next_process_has_the_same_sum_and_one_last_sample(
    node: Node,
) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(1, memory_bytes=7)
    node.reports(RUN, '{"loss": 1}\n{"acc": NaN}\n')
    await sweep(node, sampler)
    usage = await sampler.finish(RECORD, ended(2))
    node.reports(RUN, '{"loss": 7}\n')
    assert await sampler.finish(RECORD, ended(2)) == usage
    assert await node.sampler().finish(RECORD, ended(2)) == usage
    assert len(node.feed.samples) == 2


async def test_the_next_process_goes_on_from_the_last_sample(node: Node) -> None:
    node.devices = Driven(GPU)
    record = member_of(device_type="a100", devices=(1,))
    sampler = node.sampler()
    sampler.follow(record, START_NS)
    node.reports(RUN, '{"loss": 1}\n')
    node.measured.readings[RUN] = reading_of(10, cpu_ns=9 * 10**9, memory_bytes=7_000)
    await sweep(node, sampler, EVERY_S)
    again = node.sampler()
    await again.open([RUN])
    again.follow(record, START_NS)
    node.measured.readings[RUN] = reading_of(20, cpu_ns=8 * 10**9, memory_bytes=5)
    [sample] = await sweep(node, again, EVERY_S)
    assert (sample.cpu_seconds, sample.reported) == (9.0, {"loss": 1})
    usage = await again.finish(record, ended(30))
    assert usage is not None
    assert (usage.memory_peak_bytes, usage.device_measured_seconds, usage.reported) == (7_000, 20, {"loss": 1})


async def test_a_run_that_is_lost_has_used_what_its_last_sample_said(node: Node) -> None:
    sampler = node.sampler()
    assert await sampler.lose(RECORD) is None
    sampler.follow(RECORD, START_NS)
    node.measured.readings[RUN] = reading_of(3, cpu_ns=10**9, memory_bytes=7)
    await sweep(node, sampler)
    usage = await sampler.lose(RECORD)
    assert usage is not None
    assert (usage.seconds, usage.cpu_seconds, usage.memory_peak_bytes) == (3, 1.0, 7)
    assert await sweep(node, sampler) == []
    assert await node.sampler().lose(RECORD) == usage


async def test_a_run_that_ends_while_it_is_read_gets_no_sample_after_its_last(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)

    node.measured.readings[RUN] = reading_of(1, cpu_ns=10**9)
    node.measured.meanwhile = lambda: sampler.finish(RECORD, ended(2, cpu_ns=3 * 10**9))
    assert [sample.cpu_seconds for sample in await sweep(node, sampler)] == [0.0, 3.0]


async def test_what_is_forgotten_is_gone_from_the_disk(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    node.reports(RUN, json.dumps({"loss": 1}))
    node.measured.readings[RUN] = reading_of(1)
    await sweep(node, sampler)
    await sampler.forget([RUN])
    assert list((node.folder / "metrics").iterdir()) == []
    node.clock.advance(AFTER_END_S + 1)
    assert all(not family.samples for family in node.exporter.collect())
    assert await sweep(node, sampler) == []


# --- reports in a job's folder


async def test_what_a_run_reports_in_its_jobs_folder_is_read_once_and_to_its_end(node: Node, tmp_path: Path) -> None:
    member, sampler = member_of(reports_beside=str(tmp_path)), node.sampler()
    sampler.follow(member, START_NS)
    node.measured.readings[RUN] = reading_of(1)
    report(tmp_path, '{"loss": 2}\n{"loss": 1}\n')
    assert (await sweep(node, sampler))[-1].reported == {"loss": 1}
    report(tmp_path, '{"accuracy": 3}')
    next_sampler = node.sampler()
    next_sampler.follow(member, START_NS)
    assert (await sweep(node, next_sampler))[-1].reported == {"loss": 1}
    usage = await next_sampler.finish(member, ended(2))
    assert usage is not None
    assert usage.reported == {"loss": 1, "accuracy": 3}


async def test_a_silent_storage_keeps_back_neither_samples_nor_ends_nor_whoever_else_needs_a_thread(
    node: Node, tmp_path: Path
) -> None:
    with silent_storage(tmp_path / "away") as away:
        sampler = node.sampler()
        folder = str(away.folder)
        there = [member_of(id=f"{ID}.{n}", attempt=n, reports_beside=folder) for n in range(2, 42)]
        here = member_of(reports_beside=str(tmp_path))
        report(tmp_path, '{"loss": 1}\n')
        for member in (*there, here):
            sampler.follow(member, START_NS)
            node.measured.readings[member.id] = reading_of(1, memory_bytes=7)
        samples = await sweep(node, sampler)
        assert {sample.attempt for sample in samples} == set(range(1, 42))
        assert [sample.reported for sample in samples if sample.attempt == 1][-1] == {"loss": 1}
        used = await asyncio.gather(*(sampler.finish(member, ended(2)) for member in there))
        assert {usage and usage.memory_peak_bytes for usage in used} == {7}
        assert await asyncio.to_thread(os.getpid) == os.getpid()
