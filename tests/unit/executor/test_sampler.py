"""Runs are sampled while they live, often while they are young, and are summed up once when they are over."""

import asyncio
import errno
import json
import os
from pathlib import Path

import pytest

from services.executor.domain.holder import Holder
from services.executor.domain.observation import Ended
from services.executor.domain.used import SECOND_NS
from services.executor.usage.exporter import AFTER_END_S
from services.executor.usage.sampler import EVERY_S, YOUNG_S, Sampler
from shared.contracts.metrics import Accelerator, NetworkTotals, Sample
from tests.support.executor import ID, NOW, record_of
from tests.support.usage import START_NS, Driven, Node, reading_of
from tests.support.waiting import until

RUN = f"{ID}.1"
RECORD = record_of()
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


# --- samples


async def test_a_sample_says_whose_it_is_and_what_was_read(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(record_of(rank=2), START_NS)
    node.measured.readings[RUN] = reading_of(
        1.5, cpu_ns=1_500_000_000, memory_bytes=7, receive_bytes=1, transmit_bytes=2, read_bytes=3, write_bytes=4
    )
    [sample] = await sweep(node, sampler)
    assert (sample.job_id, sample.attempt, sample.rank, sample.vc, sample.owner) == (ID, 1, 2, "default", "ada")
    assert (sample.time - NOW).total_seconds() == 1.5
    assert (sample.cpu_seconds, sample.memory_bytes, sample.block_read_bytes, sample.block_write_bytes) == (
        1.5,
        7,
        3,
        4,
    )
    assert sample.network == NetworkTotals(receive_bytes=1, transmit_bytes=2, scope="run")


async def test_a_run_that_does_not_live_has_no_sample(node: Node) -> None:
    sampler = node.sampler()
    sampler.follow(RECORD, START_NS)
    assert await sweep(node, sampler) == []
    assert node.measured.asked == [[RUN]]


async def test_a_run_of_an_older_executor_that_noted_no_owner_is_summed_up_without_samples(node: Node) -> None:
    sampler, record = node.sampler(), record_of(owner=None)
    sampler.follow(record, START_NS)
    node.measured.readings[RUN] = reading_of(1, memory_bytes=7)
    assert await sweep(node, sampler) == []
    usage = await sampler.finish(record, ended(2))
    assert usage is not None
    assert usage.memory_peak_bytes == 7
    assert node.feed.samples == []


async def test_young_runs_are_sampled_with_each_sweep_and_older_ones_all_together_each_five_seconds(node: Node) -> None:
    sampler = node.sampler()
    old = [record_of(id=f"{ID}.{number}") for number in (2, 3)]
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
    record = record_of(device_type="a100", devices=(1,))
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
    record = record_of(device_type="v100", devices=(1,))
    sampler = node.sampler()
    sampler.follow(record, START_NS)
    sampler.follow(record_of(id=f"{ID}.2", attempt=2), START_NS)
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


async def test_a_million_names_are_cut_off_with_a_counted_drop_and_the_neighbour_loses_nothing(node: Node) -> None:
    sampler, other = node.sampler(), record_of(id=f"{ID}.2", attempt=2)
    node.measured.readings = {RUN: reading_of(1), other.id: reading_of(1)}
    for record in (RECORD, other):
        sampler.follow(record, START_NS)
    node.reports(RUN, "".join(f'{{"n{number}": 1}}\n' for number in range(1_000_000)))
    node.reports(other.id, '{"loss": 0.5}\n')
    flooded, calm = await sweep(node, sampler)
    assert (len(flooded.reported), flooded.dropped) == (100, 999_900)
    assert (calm.reported, calm.dropped) == ({"loss": 0.5}, 0)
    assert len(flooded.model_dump_json()) < 64 * 1024


# --- the end


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
    node.measured.readings[RUN] = reading_of(1, cpu_ns=10**9)
    node.reports(RUN, '{"loss": 1}\n')
    await sweep(node, sampler)
    usage = await sampler.finish(RECORD, ended(2))
    node.reports(RUN, '{"loss": 7}\n')
    assert await sampler.finish(RECORD, ended(2)) == usage
    assert await node.sampler().finish(RECORD, ended(2)) == usage
    assert len(node.feed.samples) == 2


async def test_the_next_process_goes_on_from_the_last_sample(node: Node) -> None:
    node.devices = Driven(GPU)
    record = record_of(device_type="a100", devices=(1,))
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
    assert (sample.cpu_seconds, sample.reported) == (9.0, {})
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
    assert [sample.cpu_seconds for sample in await sweep(node, sampler)] == [3.0]


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
