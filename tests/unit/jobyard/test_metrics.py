"""What a job uses: asked for by the client, and shown by the command line on a terminal and in a pipe."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from jobyard import Client, Invalid
from jobyard.cli.app import app
from jobyard.cli.picture import Picture
from jobyard.models import Job, JobMetrics
from tests.support.api_answers import JOB_ID, finished, job, metrics, page, series, usage
from tests.support.scripted_server import Answer, ScriptedServer, problem

JOB = f"/api/v1/jobs/{JOB_ID}"
METRICS = f"{JOB}/metrics"
CPU = series("cpu", (1_000_300.0, 0.5), (1_000_600.0, 1.5), unit="cores")
MEMORY = series("memory", (1_000_600.0, 301 * 2.0**20), unit="bytes")
NETWORK = series("network", (1_000_600.0, 2048.0), unit="bytes_per_second", scope="host", direction="receive")
BLOCK_IO = series("block_io", (1_000_600.0, 0.0), unit="bytes_per_second", direction="write")
LOSS = series("loss", (1_000_300.0, 2.5), (1_000_600.0, 0.25), kind="reported")
EVERYTHING = (CPU, MEMORY, NETWORK, BLOCK_IO, LOSS)
RUNS: dict[str, Any] = {"status": "running", "attempt": 1, "started_at": "2026-11-23T23:12:51.000Z"}


@pytest.fixture(autouse=True)
def environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_URL", server.url)
    monkeypatch.setenv("JOBYARD_TOKEN", "token")
    monkeypatch.setenv("TZ", "UTC")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def ok(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def runs(server: ScriptedServer, *lines: dict[str, Any], **fields: Any) -> None:
    """A job that runs, and what it uses."""
    server.on("GET", JOB, Answer(body=job(**{**RUNS, **fields})))
    server.on("GET", METRICS, metrics(*lines))


# --- the client


def test_the_client_asks_for_moments_and_a_step_as_the_platform_takes_them(
    server: ScriptedServer, client: Client
) -> None:
    server.on("GET", METRICS, metrics(CPU))
    found = client.metrics(JOB_ID, start=datetime(2026, 1, 1, 9, tzinfo=UTC), end="now", step=15)
    assert server.asked[-1].query == {"start": "2026-01-01T09:00:00Z", "end": "now", "step": "15"}
    assert [(line.name, line.points) for line in found.series] == [
        ("cpu", [[1_000_300.0, 0.5], [1_000_600.0, 1.5]]),
    ]
    client.metrics(JOB_ID)
    assert server.asked[-1].query == {}


def test_what_the_platform_refuses_is_raised(server: ScriptedServer, client: Client) -> None:
    server.on("GET", METRICS, problem(422, "step: must be at least 1 second."))
    with pytest.raises(Invalid, match="at least 1 second"):
        client.metrics(JOB_ID, step=0)


def test_following_ends_with_one_more_look_after_the_end_of_the_job(server: ScriptedServer, client: Client) -> None:
    running, over = Answer(body=job(**RUNS)), Answer(body=finished())
    server.on("GET", JOB, running, over)
    server.on("GET", METRICS, metrics(CPU, step=1.0), metrics(CPU, step=1.0), metrics(CPU, LOSS, step=1.0))
    looks = [(job.status, len(found.series)) for job, found in client.follow_metrics(JOB_ID, start="-1h")]
    assert looks == [("running", 1), ("finished", 1), ("finished", 2)]
    assert {asked.query.get("start") for asked in server.asked if asked.path == METRICS} == {"-1h"}


def test_following_outlives_a_platform_that_is_started_again(server: ScriptedServer, client: Client) -> None:
    server.on("GET", JOB, Answer(body=finished()))
    server.on("GET", METRICS, problem(503, "Later."), metrics(CPU))
    assert [len(found.series) for _, found in client.follow_metrics(JOB_ID)] == [1, 1]


# --- in a pipe


def test_a_pipe_gets_a_table_and_what_is_unknown_goes_to_stderr(server: ScriptedServer) -> None:
    runs(server, CPU, MEMORY, NETWORK, LOSS, device_type="v100", devices=2, devices_total=2)
    result = run("metrics", JOB_ID)
    assert result.exit_code == 0
    assert [re.split(r"  +", line) for line in result.stdout.splitlines()] == [
        ["Metric", "Last", "Mean", "Min", "Max", "Unit"],
        ["CPU", "1.50", "1.00", "0.50", "1.50", "cores"],
        ["Memory", "301 MiB", "301 MiB", "301 MiB", "301 MiB", "-"],
        ["Network receive (whole machine)", "2.0 KiB/s", "2.0 KiB/s", "2.0 KiB/s", "2.0 KiB/s", "-"],
        ["loss", "0.25", "1.375", "0.25", "2.5", "-"],
    ]
    assert result.stderr.splitlines() == [
        "Block I/O: unknown, was not measured.",
        "Use of its 2 v100: unknown, was not measured.",
    ]


def test_simulated_devices_are_called_so(server: ScriptedServer) -> None:
    runs(server, *EVERYTHING, device_type="v100", devices=2, devices_total=2)
    server.on("GET", METRICS, metrics(*EVERYTHING, simulated=True))
    assert run("metrics", JOB_ID).stderr.startswith("Its 2 v100 are simulated: they do not exist")


def test_json_is_the_apis_own_document(server: ScriptedServer) -> None:
    runs(server, *EVERYTHING)
    printed = json.loads(ok("metrics", JOB_ID, "--json"))
    assert printed["series"] == json.loads(json.dumps(EVERYTHING))
    assert (printed["source"], printed["start"]) == ("ring", "1970-01-12T13:46:40.000Z")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("2h", "-2h"),
        ("90s ago", "-90s"),
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"),
        ("2026-11-23T09:00+01:00", "2026-11-23T08:00:00Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
    ],
)
def test_since_is_a_moment_or_so_long_ago(server: ScriptedServer, given: str, sent: str) -> None:
    runs(server, *EVERYTHING)
    ok("metrics", JOB_ID, "--since", given, "--step", "1m")
    assert next(asked.query for asked in server.asked if asked.path == METRICS) == {"start": sent, "step": "1m"}


def test_the_end_may_be_chosen_too_but_not_of_what_is_followed(server: ScriptedServer) -> None:
    assert run("metrics", "-f", JOB_ID, "--end", "1h").exit_code == 2
    assert server.asked == []
    runs(server, *EVERYTHING)
    ok("metrics", JOB_ID, "--since", "2h", "--end", "2026-11-23T09:00:00Z")
    sent = next(asked.query for asked in server.asked if asked.path == METRICS)
    assert sent == {"start": "-2h", "end": "2026-11-23T09:00:00Z"}


def test_a_since_that_is_no_moment_asks_nothing(server: ScriptedServer) -> None:
    assert run("metrics", JOB_ID, "--since", "soon").exit_code == 2
    assert server.asked == []


def test_what_is_refused_is_said(server: ScriptedServer) -> None:
    for status, code in ((403, 5), (404, 3), (422, 4)):
        server.on("GET", METRICS, problem(status, "The sentence."))
        result = run("metrics", JOB_ID)
        assert (result.exit_code, result.stderr) == (code, "error: The sentence.\n")


def test_a_job_that_has_not_run_says_so(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job()))
    server.on("GET", METRICS, metrics())
    assert "has not run yet" in run("metrics", JOB_ID).stderr
    server.on("GET", JOB, Answer(body=job(status="killed", actions=[])))
    assert run("metrics", JOB_ID).stderr == "It never ran, so nothing was measured.\n"


def test_a_job_that_was_too_short_for_a_graph_says_what_it_has_used_and_has_no_empty_table(
    server: ScriptedServer,
) -> None:
    server.on("GET", JOB, Answer(body=finished()))
    sums = usage(seconds=0.1, cpu_seconds=0.04, reported={"loss": 0.25}, not_finite=["gradient"])
    server.on("GET", METRICS, metrics(summary=sums))
    result = run("metrics", JOB_ID)
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "It ran 0.1 s, too short for a graph; in all:",
        "  CPU used: 0.0 s of processor time",
        "  Memory used: unknown: it was too short to be measured",
        "  Reported: loss=0.25 gradient=nan",
        "gradient=nan: reported last, and no number.",
    ]
    server.on("GET", METRICS, metrics(summary={**sums, "seconds": 7200.0}))
    assert run("metrics", JOB_ID).stderr.startswith("Nothing is known of this time; in all:\n")
    server.on("GET", METRICS, metrics())
    assert run("metrics", JOB_ID).stderr == "Nothing was measured in this time.\n"


def test_following_in_a_pipe_says_once_why_a_job_waits_and_at_the_end_how_it_ended(server: ScriptedServer) -> None:
    reason = {"code": "devices", "message": "It waits for 4 v100; 2 are free."}
    waits = Answer(body=job(reason=reason))
    failed = finished(status="failed", exit_code=3, reason={"code": "exit", "message": "It ended with exit code 3."})
    server.on("GET", JOB, waits, waits, Answer(body=failed))
    server.on("GET", METRICS, metrics(step=1.0))
    assert ok("metrics", "-f", JOB_ID).splitlines() == [
        f"{JOB_ID}  hello  queued: It waits for 4 v100; 2 are free. (devices)",
        f"{JOB_ID}  hello  failed: It ended with exit code 3. (exit) after 2.5 s, exit code 3",
    ]


def test_a_value_that_is_no_number_any_more_is_told_as_that(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=finished()))
    server.on("GET", METRICS, metrics(CPU, LOSS, step=1.0, summary=usage(not_finite=["loss", "gradient"])))
    result = run("metrics", "-f", JOB_ID)
    assert result.stdout.splitlines()[0] == "13:56:40  CPU 1.50 cores, loss nan, gradient nan"
    assert "loss=nan gradient=nan: reported last, and no number." in result.stderr


def test_following_in_a_pipe_prints_the_last_values_once_each(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=finished()))
    server.on("GET", METRICS, metrics(CPU, step=1.0), metrics(CPU, LOSS, step=1.0))
    assert ok("metrics", "-f", JOB_ID).splitlines() == [
        "13:56:40  CPU 1.50 cores",
        "13:56:40  CPU 1.50 cores, loss 0.25",
        f"{JOB_ID}  hello  finished after 2.5 s, exit code 0",
    ]
    server.on("GET", METRICS, metrics(CPU, step=1.0))
    assert ok("metrics", "-f", JOB_ID).splitlines()[:-1] == ["13:56:40  CPU 1.50 cores"]
    assert [json.loads(line)["source"] for line in ok("metrics", "-f", "--json", JOB_ID).splitlines()] == ["ring"] * 2


# --- on a terminal


def drawn(*lines: dict[str, Any], width: int = 100, height: int = 60, live: bool = False, **fields: Any) -> str:
    """What a terminal shows."""
    console = Console(width=width, height=height, force_terminal=True, color_system=None, markup=False, soft_wrap=True)
    found = JobMetrics.model_validate(metrics(*lines).body)
    with console.capture() as captured:
        console.print(Picture(Job.model_validate(job(**{**RUNS, **fields})), found, live=live))
    return captured.get()


def test_the_picture_draws_every_series_with_its_figures_and_its_scale() -> None:
    text = drawn(*EVERYTHING)
    for line in (
        "CPU  last 1.50  mean 1.00  peak 1.50 cores",
        "Memory  last 301 MiB  mean 301 MiB  peak 301 MiB",
        "Network receive (whole machine)  last 2.0 KiB/s",
        "Block I/O write  last 0 B/s",
        "loss  last 0.25  mean 1.375  min 0.25  max 2.5",
        "1970-01-12 13:46:40 to 1970-01-12 13:56:40, from the last hour that the platform keeps",
    ):
        assert line in text
    assert re.search(r"^ +1\.50 .*█$", text, re.MULTILINE)
    assert "unknown" not in text


def test_the_picture_fits_the_terminal_as_long_as_each_graph_has_a_line() -> None:
    heights = {height: len(drawn(*EVERYTHING, height=height).splitlines()) for height in (20, 25, 60)}
    assert heights[20] <= 20 and heights[25] <= 25
    assert heights[20] < heights[25] < heights[60] < 60
    assert "█" in drawn(*EVERYTHING, height=5)


MANY_REPORTS = tuple(
    series(name, (1_000_300.0, 2.5), (1_000_600.0, 0.25), kind="reported")
    for name in ("accuracy", "epoch", "loss", "rate", "step", "tokens")
)
IDLE = tuple(
    series(name, (1_000_600.0, 0.0), unit="bytes_per_second", direction=direction)
    for name, directions in (("network", ("receive", "transmit")), ("block_io", ("read", "write")))
    for direction in directions
)


def test_a_live_picture_of_many_values_has_a_line_for_each_on_a_small_terminal() -> None:
    measured = (CPU, NETWORK, *IDLE[1:])
    text = drawn(*measured, *MANY_REPORTS, width=80, height=24, live=True, device_type="v100", devices_total=2)
    lines = text.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 80
    assert re.search(r"^[ ▁▂▃▄▅▆▇█]{16} loss  last 0\.25  mean 1\.375  min 0\.25  max 2\.5$", text, re.MULTILINE)
    names = ("CPU", "loss", "accuracy", "tokens", "Network receive (whole machine)", "Network transmit")
    places = [text.index(f" {name}  last") for name in names]
    assert places == sorted(places), "what is idle or not the job's own comes last"
    assert text.rstrip().endswith("Use of its 2 v100: unknown, was not measured.")


def test_a_live_picture_counts_what_has_no_room_and_keeps_its_sentences() -> None:
    text = drawn(CPU, *IDLE, *MANY_REPORTS, width=80, height=10, live=True)
    assert len(text.splitlines()) == 10
    assert "loss  last" in text and "Block I/O" not in text
    assert "and 6 more: a taller terminal shows them" in text
    assert text.splitlines()[-1] == "Memory: unknown, was not measured."


def test_nothing_is_wider_than_a_narrow_terminal_and_times_do_not_run_together() -> None:
    text = drawn(CPU, *IDLE, *MANY_REPORTS, width=24, reason={"code": "x", "message": "A long sentence " * 5})
    assert max(map(len, text.splitlines())) <= 24
    assert re.search(r"^ +13:46:40$", text, re.MULTILINE)
    small = drawn(CPU, *IDLE, *MANY_REPORTS, width=24, height=16, live=True)
    assert max(map(len, small.splitlines())) <= 24


def test_the_axis_has_the_time_of_a_short_span_and_the_days_of_a_long_one() -> None:
    assert re.search(r"^ +13:46:40 +13:56:40$", drawn(CPU), re.MULTILINE)
    days = JobMetrics.model_validate(metrics(CPU, end="1970-01-15T13:46:40.000Z").body)
    console = Console(width=100, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(Picture(Job.model_validate(job(**RUNS)), days))
    assert re.search(r"^ +Jan 12 13:46 +Jan 15 13:46$", captured.get(), re.MULTILINE)


def test_devices_and_ranks_are_told_apart() -> None:
    each = [
        series("gpu_utilization", (1_000_600.0, 0.5), unit="ratio", device="3")
        | {"labels": {"rank": rank, "device": "3"}}
        for rank in ("0", "1")
    ]
    text = drawn(*each, CPU)
    assert "GPU 3 use, rank 0  last 50 %" in text and "GPU 3 use, rank 1" in text and "CPU, rank 0" in text
    assert re.search(r"^ +100 % ", text, re.MULTILINE), "a device is drawn against its whole use"


def test_what_a_job_reports_can_do_nothing_to_the_terminal() -> None:
    text = drawn(series("loss\x1b[2J\x07", (1_000_600.0, 1e308), (1_000_300.0, -1e308), kind="reported"))
    assert "\x1b" not in text and "\x07" not in text


@contextmanager
def on_a_terminal(*words: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command on a terminal of its own, and the end that shows what is on it."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "COLUMNS": "100", "LINES": "40", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "jobyard", *words]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def shown(ours: int, until: str = "") -> str:
    """What the terminal shows: up to these words, or all of it until the command has ended."""
    text = b""
    deadline = time.monotonic() + 120
    while (not until or until.encode() not in text) and time.monotonic() < deadline:
        if select.select([ours], [], [], 1.0)[0]:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # the other side was closed
                break
            if not piece:
                break
            text += piece
    assert not until or until.encode() in text, text
    return text.decode(errors="replace")


def test_following_on_a_terminal_draws_until_the_job_is_over(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job(**RUNS)), Answer(body=finished()))
    server.on("GET", METRICS, metrics(CPU, step=1.0))
    with on_a_terminal("metrics", "-f", JOB_ID) as (process, ours):
        text = shown(ours)
        assert process.wait(60) == 0
    assert text.index("running") < text.index("finished")
    assert "CPU" in text and "█" in text
    assert text.count("\x1b[?25h") == text.count("\x1b[?25l") == 1, "the cursor is hidden, and is there again"


def test_ctrl_c_ends_following_and_leaves_the_terminal_as_it_was(server: ScriptedServer) -> None:
    runs(server, *EVERYTHING)
    with on_a_terminal("metrics", "-f", JOB_ID) as (process, ours):
        text = shown(ours, until="13:56:40")
        process.send_signal(signal.SIGINT)
        text += shown(ours)
        assert process.wait(60) == 130
    assert text.count("\x1b[?25h") == 1
    assert "Traceback" not in text and "error" not in text


# --- in lists and in full


def test_get_says_what_a_job_has_used(server: ScriptedServer) -> None:
    sums = usage(
        cpu_seconds=3600.0,
        cpu_mean=0.98,
        memory_peak_bytes=301 * 2**20,
        memory_mean_bytes=280.5 * 2**20,
        network={"receive_bytes": 20 * 2**20, "transmit_bytes": 1024, "scope": "host"},
        block_read_bytes=0,
        block_write_bytes=50 * 2**20,
        device_hours=2.5,
        device_measured_share=0.75,
        device_idle_share=0.1,
        device_utilization_mean=0.85,
        device_memory_peak_bytes=12 * 2**30,
        reported={"loss": 0.25, "step": 300.0},
        dropped=7,
    )
    server.on("GET", JOB, Answer(body=finished(attempt=0, usage=sums)))
    facts = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in ok("get", JOB_ID).splitlines()[1:])
    expected = {
        "CPU used": "1 h of processor time, 0.98 cores on average",
        "Memory used": "301 MiB at most, as far as it was seen; 280 MiB on average",
        "Network": "20 MiB received, 1.0 KiB sent; the whole machine's, its own are unknown",
        "Block I/O": "0 B read, 50 MiB written",
        "Devices used": "2.5 device-hours, 85 % used on average, 10 % of the time idle, 75 % of the time measured, "
        "12 GiB of memory at most, as far as it was seen",
        "Reported": "loss=0.25 step=300",
        "Reports lost": "7 values: came faster than they are read, under too many names, or unreadable",
    }
    assert expected.items() <= facts.items()


@pytest.mark.parametrize("most", [2**63 - 1, 2**1100, 10**400])
def test_absurd_sums_are_shown_and_end_in_no_traceback(server: ScriptedServer, most: int) -> None:
    sums = usage(
        seconds=1.7e308,
        cpu_seconds=1.7e308,
        cpu_mean=1.7e308,
        memory_peak_bytes=most,
        memory_mean_bytes=1.7e308,
        network={"receive_bytes": most, "transmit_bytes": most, "scope": "run"},
        block_read_bytes=most,
        block_write_bytes=most,
        device_hours=1.7e308,
        device_measured_share=1.0,
        device_utilization_mean=1.0,
        device_memory_peak_bytes=most,
        reported={"loss": -1.7e308},
        dropped=most,
    )
    server.on("GET", JOB, Answer(body=finished(attempt=0, usage=sums)))
    facts = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in ok("get", JOB_ID).splitlines()[1:])
    assert facts["CPU used"].startswith("ages of processor time")
    assert facts["Network"] == (
        "8192 PiB received, 8192 PiB sent" if most < 2**64 else "over 1 ZiB received, over 1 ZiB sent"
    )
    server.on("GET", "/api/v1/jobs", page(job(usage=sums)))
    assert "loss=-1.7e+308" in ok("list")


def test_what_is_unknown_is_not_shown_as_zero(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=finished(attempt=0, usage=usage(device_hours=2.0))))
    text = ok("get", JOB_ID)
    assert "2 device-hours; their use is unknown: simulated devices report nothing" in text
    for name in ("Network", "Block I/O", "Reported", "Reports lost"):
        assert name not in text
    assert re.findall(r"^  (?:CPU|Memory) used +(.+)$", text, re.MULTILINE) == ["unknown", "unknown"]
    server.on("GET", JOB, Answer(body=finished(attempt=0)))
    assert "used" not in ok("get", JOB_ID)


def test_get_says_that_a_job_was_too_short_to_be_measured(server: ScriptedServer) -> None:
    sums = usage(seconds=0.1, cpu_seconds=0.04)
    server.on("GET", JOB, Answer(body=finished(attempt=0, usage=sums)))
    assert re.search(r"^  Memory used +unknown: it was too short to be measured$", ok("get", JOB_ID), re.MULTILINE)


def test_get_says_what_memory_a_running_job_has_now(server: ScriptedServer) -> None:
    sums = usage(runs=0, seconds=0.0, cpu_seconds=3.0, memory_bytes=301 * 2**20, live=True)
    server.on("GET", JOB, Answer(body=job(**{**RUNS, "attempt": 0}, usage=sums)))
    text = ok("get", JOB_ID)
    assert re.search(r"^  Memory used +301 MiB now$", text, re.MULTILINE)
    assert "unknown" not in text


def test_lists_show_the_last_reported_values_where_there_are_any(server: ScriptedServer) -> None:
    reports = {"accuracy": 0.5, "batch": 12_559.0, "eval/f1": 0.75, "loss": 0.25, "step": 300.0}
    server.on("GET", "/api/v1/jobs", page(job(usage=usage(reported=reports)), job(usage=usage()), job()))
    heading, first, *others = ok("list").splitlines()
    assert heading.endswith("Reports")
    assert first.endswith("loss=0.25 accuracy=0.5 eval/f1=0.75 and 2 more")
    assert all(other.endswith("-") for other in others)
    assert ok("list", "--all").splitlines()[0].split()[-2:] == ["User", "Reports"]
    server.on("GET", "/api/v1/jobs", page(job(usage=usage())))
    assert "Reports" not in ok("list")


def test_a_diverged_value_is_shown_where_the_last_values_are(server: ScriptedServer) -> None:
    sums = usage(reported={"step": 300.0}, not_finite=["loss"])
    server.on("GET", "/api/v1/jobs", page(job(usage=sums)))
    assert ok("list").splitlines()[1].endswith("loss=nan step=300")
    server.on("GET", JOB, Answer(body=finished(attempt=0, usage=sums)))
    assert re.search(r"^  Reported +loss=nan step=300$", ok("get", JOB_ID), re.MULTILINE)
