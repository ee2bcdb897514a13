"""What runs use, from real processes through a real executor: sampled on the bus, exported, and told with the end."""

import os
import shlex
import signal
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.contracts.events import RunExited, RunLost, RunStopped
from shared.contracts.job import JobView
from shared.contracts.metrics import RunUsage, Sample
from tests.support.executor_service import ExecutorService, Yard
from tests.support.nats import NatsServer
from tests.support.platform import CHECKOUT
from tests.support.ports import free_port
from tests.support.waiting import until

WAIT_FOR_GO = Yard.WAIT_FOR_GO
MIB = 1 << 20
PYTHON = shlex.quote(sys.executable)
HOLDING = f"""{PYTHON} -c '
import pathlib, time
held = bytearray(%d << 20)
for at in range(0, len(held), 4096): held[at] = 1
pathlib.Path("holds").touch()
while not pathlib.Path("release").exists(): time.sleep(0.02)
'"""
"""Holds so many MiB until the file `release` is there."""


async def usage_of(yard: Yard, view: JobView, fact: str = "exited") -> RunUsage:
    event = await yard.said(view, fact)
    assert isinstance(event, RunExited | RunStopped | RunLost)
    assert event.usage is not None
    return event.usage


async def sampled(yard: Yard, view: JobView, what: str, **least: float) -> list[Sample]:
    """The job's samples, once one has at least so much of each figure."""
    found: list[Sample] = []

    async def there() -> bool:
        found[:] = await yard.samples(view)
        return any(all((getattr(one, name) or 0) >= value for name, value in least.items()) for one in found)

    await until(there, what)
    return found


async def test_a_run_is_sampled_while_it_lives_and_its_end_tells_what_it_has_used(
    executor: ExecutorService, yard: Yard
) -> None:
    view = await yard.place(f"echo begun; {HOLDING % 64}; {WAIT_FOR_GO}")
    samples = await sampled(yard, view, "its memory is seen", memory_bytes=64 * MIB, cpu_seconds=0.001)
    assert {(one.job_id, one.attempt, one.rank, one.vc, one.owner) for one in samples} == {
        (view.id, 1, 0, "default", "ada")
    }
    yard.touch("release")
    yard.go()
    usage = await usage_of(yard, view)
    seen = [one.cpu_seconds for one in await yard.samples(view) if one.cpu_seconds is not None]
    assert seen == sorted(seen)
    assert usage.cpu_seconds is not None
    assert usage.cpu_seconds >= seen[-1] > 0
    assert usage.memory_peak_bytes is not None
    assert 64 * MIB <= usage.memory_peak_bytes < 256 * MIB
    assert usage.memory_mean_bytes is not None
    assert usage.seconds > 0

    async def has_its_last() -> bool:
        last = (await yard.samples(view))[-1]
        return last.memory_bytes is None and last.cpu_seconds == usage.cpu_seconds

    await until(has_its_last, "the last sample has the totals of the end")


@pytest.mark.usefixtures("executor")
async def test_a_run_of_a_moment_has_its_totals_too(yard: Yard) -> None:
    usage = await usage_of(yard, await yard.place("true"))
    assert usage.cpu_seconds is not None
    assert usage.cpu_seconds > 0


@pytest.mark.usefixtures("executor")
async def test_processes_that_come_and_go_between_two_samples_are_counted(yard: Yard) -> None:
    burning = f"""{PYTHON} -c '
import os, subprocess, sys, time
burn = [sys.executable, "-S", "-c", "for i in range(1000000): pass"]
for _ in range(60): subprocess.run(burn)
used = os.times()
print(used.user + used.system + used.children_user + used.children_system)
' > burnt"""
    usage = await usage_of(yard, await yard.place(burning))
    burnt = float(yard.wrote("burnt"))
    assert usage.cpu_seconds == pytest.approx(burnt, rel=0.1, abs=0.2)  # the shell and the supervisor cost a little


async def test_the_peak_and_the_seconds_of_devices_outlive_an_executor_that_is_killed(
    executor: ExecutorService, yard: Yard
) -> None:
    view = await yard.place(f"{HOLDING % 96}; {WAIT_FOR_GO}", devices=(0,))
    await sampled(yard, view, "its memory is seen", memory_bytes=96 * MIB)
    executor.kill()
    yard.touch("release")
    executor.start()
    before = len(await yard.samples(view))
    await until_more(yard, view, before)
    yard.go()
    usage = await usage_of(yard, view)
    assert usage.memory_peak_bytes is not None
    assert usage.memory_peak_bytes >= 96 * MIB  # nobody has seen so much since
    assert usage.device_seconds == pytest.approx(usage.seconds)
    assert (usage.device_measured_seconds, usage.device_utilization_mean) == (0, None)  # simulated


async def test_a_run_that_ended_while_no_executor_was_there_tells_its_totals_and_what_was_sampled(
    executor: ExecutorService, yard: Yard
) -> None:
    burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    view = await yard.place(f"{HOLDING % 64}; {WAIT_FOR_GO}; {burn}; echo done > over")
    await sampled(yard, view, "its memory is seen", memory_bytes=64 * MIB)
    executor.kill()
    sampled_cpu = max(one.cpu_seconds or 0 for one in await yard.samples(view))
    yard.touch("release")
    yard.go()
    await until(lambda: yard.wrote("over"), "the run is over")
    executor.start()
    usage = await usage_of(yard, view)
    assert usage.cpu_seconds is not None
    assert usage.cpu_seconds > sampled_cpu + 0.05
    assert usage.memory_peak_bytes is not None
    assert usage.memory_peak_bytes >= 64 * MIB


async def until_more(yard: Yard, view: JobView, before: int) -> None:
    async def more() -> bool:
        return len(await yard.samples(view)) > before

    await until(more, "it is sampled again")


async def test_a_run_whose_supervisor_is_killed_tells_what_it_had_used_by_its_last_sample(
    executor: ExecutorService, yard: Yard
) -> None:
    view = await yard.place(f"{HOLDING % 64}; {WAIT_FOR_GO}")
    await sampled(yard, view, "its memory is seen", memory_bytes=64 * MIB)
    for supervisor in executor.home.supervisors():
        os.kill(supervisor, signal.SIGKILL)
    usage = await usage_of(yard, view, "lost")
    assert usage.memory_peak_bytes is not None
    assert usage.memory_peak_bytes >= 64 * MIB


@pytest.mark.usefixtures("executor")
async def test_what_a_job_reports_is_in_its_samples_and_with_its_end(yard: Yard) -> None:
    report = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); import jobyard; jobyard.report(loss=0.25)"
    view = await yard.place(
        'echo "{\\"loss\\": 0.5, \\"step\\": 1}" >> "$JOBYARD_METRICS_FILE"; echo nonsense >> "$JOBYARD_METRICS_FILE"; '
        f"{WAIT_FOR_GO}; {PYTHON} -c {shlex.quote(report)}"
    )
    samples = await sampled(yard, view, "what it reports is seen", dropped=1)
    said = [one.reported for one in samples if one.reported]
    assert said
    assert all(one == {"loss": 0.5, "step": 1} for one in said)  # each minute again
    yard.go()
    usage = await usage_of(yard, view)
    assert (usage.reported, usage.dropped) == ({"loss": 0.25, "step": 1}, 1)


@pytest.mark.usefixtures("executor")
async def test_what_a_script_does_to_its_file_hurts_neither_it_nor_its_neighbour(yard: Yard) -> None:
    hostile = await yard.place(
        'f="$JOBYARD_METRICS_FILE"; for i in 1 2 3 4 5 6; do rm -rf "$f"; mkfifo "$f"; sleep 0.3; rm -f "$f"; '
        'ln -s /dev/zero "$f"; sleep 0.3; rm -f "$f"; mkdir "$f"; sleep 0.3; done; rm -rf "$f"; '
        'truncate -s 8G "$f"; echo >> "$f"; echo "{\\"x\\": 1}" >> "$f"'
    )
    calm = await yard.place(f'{WAIT_FOR_GO}; echo "{{\\"loss\\": 1}}" >> "$JOBYARD_METRICS_FILE"')
    usage = await usage_of(yard, hostile)
    assert (usage.reported, usage.dropped > 0) == ({"x": 1}, True)
    yard.go()
    calm_usage = await usage_of(yard, calm)
    assert (calm_usage.reported, calm_usage.dropped) == ({"loss": 1}, 0)


async def test_a_run_is_sampled_and_summed_up_while_nats_is_away(
    executor: ExecutorService, yard: Yard, nats: NatsServer
) -> None:
    view = await yard.place(f"{HOLDING % 64}; {WAIT_FOR_GO}; echo over > over")
    await sampled(yard, view, "its memory is seen", memory_bytes=64 * MIB)
    nats.kill()
    yard.touch("release")
    yard.go()
    await until(lambda: yard.wrote("over"), "the run goes on to its end")
    nats.start()
    usage = await usage_of(yard, view)
    assert usage.memory_peak_bytes is not None


async def test_a_scrape_finds_the_runs_under_the_names_of_the_table_and_their_labels(
    nats: NatsServer, yard: Yard, tmp_path: Path
) -> None:
    port = free_port()
    with ExecutorService(nats.url, tmp_path / "data", {"JOBYARD_HEALTH_PORT": str(port)}) as executor:
        await executor.ready()
        view = await yard.place(f'echo "{{\\"loss\\": 0.5}}" >> "$JOBYARD_METRICS_FILE"; {WAIT_FOR_GO}')
        who = {"job_id": view.id, "owner": "ada", "rank": "0", "vc": "default"}

        async def scraped(series: str, /, **labels: str) -> bool:
            async with httpx.AsyncClient() as http:
                text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
            found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
            return any(sample.name == series and sample.labels == who | labels for sample in found)

        memory, cpu = "jobyard_job_memory_working_set_bytes", "jobyard_job_cpu_seconds_total"
        await until(lambda: scraped(memory), "its memory is exported")
        await until(lambda: scraped("jobyard_job_reported", name="loss"), "what it reports is exported")
        yard.go()
        await yard.said(view, "exited")
        assert await scraped(cpu)
        assert not await scraped(memory)


async def test_what_a_run_leaves_is_removed_once_nobody_asks_for_it(executor: ExecutorService, yard: Yard) -> None:
    view = await yard.place(f'echo "{{}}" >> "$JOBYARD_METRICS_FILE"; {WAIT_FOR_GO}')
    folder = executor.data / "executor" / "metrics"

    def left() -> set[str]:
        return {path.suffix for path in folder.glob("*")}

    await until(lambda: left() == {".tally", ".jsonl"}, "it is sampled, and has reported")
    yard.go()
    await usage_of(yard, view)
    await yard.over(view)
    await until(lambda: not left(), "its files are gone")
