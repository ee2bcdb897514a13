"""Which moments of a job's METRICS are meant, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from services.gateway.domain.spans import POINTS, SETTLING, STEPS, Life, Span, life, span
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import Invalid
from shared.contracts.job import Job, JobRequest, JobStatus
from shared.contracts.metrics import MAX_POINTS, JobUsage
from shared.ids import new_id
from tests.support.gateway import stored_job

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUNS = Life(NOW - timedelta(days=2), None)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def meant(of: Life = RUNS, start: str | None = None, end: str | None = None, step: str | None = None) -> Span:
    return span(of, NOW, start, end, step)


def job(**changes: object) -> Job:
    new = NewJob(id=new_id(), owner="ada", request=JobRequest(name="j", command="true"))
    return stored_job(new, submitted_at=NOW - 3 * HOUR, **changes)


def test_the_last_hour_of_a_job_that_runs_in_240_points() -> None:
    assert meant() == Span(NOW - HOUR, NOW, 15.0)


def test_a_job_that_began_a_minute_ago_is_shown_from_its_beginning() -> None:
    assert meant(Life(NOW - MINUTE, None)) == Span(NOW - MINUTE, NOW, 1.0)


def test_the_last_hour_of_a_job_that_is_over_includes_its_last_sample() -> None:
    ended = NOW - timedelta(days=1)
    found = meant(Life(ended - 2 * HOUR, ended))
    assert (found.step_s, found.end - found.start) == (15.0, HOUR + timedelta(seconds=15))
    assert ended + SETTLING <= found.end <= ended + SETTLING + timedelta(seconds=15)


def test_the_graph_of_a_job_that_runs_keeps_its_points_from_one_look_to_the_next() -> None:
    looks = [span(RUNS, NOW + timedelta(seconds=passed), None, None, None) for passed in (0.001, 7, 14.999)]
    assert looks == [Span(NOW - HOUR, NOW + timedelta(seconds=15), 15.0)] * 3


def test_the_last_point_lies_at_the_end_unless_both_ends_were_asked_for() -> None:
    for found in (
        meant(end="-7s", step="10"),
        meant(start="-95s", step="10"),
        meant(Life(NOW - timedelta(seconds=95), None), step="10"),
    ):
        assert (found.end - found.start).total_seconds() % 10 == 0
    assert meant(start="-95s", end="now", step="10").start == NOW - timedelta(seconds=95)


@pytest.mark.parametrize("hours", [1, 2, 5, 24, 24 * 30, 24 * 365 * 50])
def test_without_a_step_there_are_never_more_points_than_a_graph_needs(hours: int) -> None:
    found = meant(start=f"-{hours}h")
    assert (found.end - found.start).total_seconds() / found.step_s <= POINTS + 1
    assert found.step_s in STEPS or found.step_s % STEPS[-1] == 0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("-90s", NOW - timedelta(seconds=90)),
        ("-2h", NOW - 2 * HOUR),
        ("-1w", NOW - timedelta(weeks=1)),
        ("2026-01-01T10:30:00Z", NOW - HOUR - timedelta(minutes=30)),
        ("2026-01-01T11:30:00+01:00", NOW - HOUR - timedelta(minutes=30)),
        ("1767265200", NOW - HOUR),
        ("1767265200.5", NOW - HOUR + timedelta(milliseconds=500)),
    ],
)
def test_a_moment_may_be_written_as_people_and_as_prometheus_do(text: str, moment: datetime) -> None:
    assert meant(start=text).start == moment
    assert meant(end=text).end == moment


@pytest.mark.parametrize(
    ("text", "seconds"), [("1", 1), ("15", 15), ("2.5", 2.5), ("15s", 15), ("5m", 300), ("1h", 3600)]
)
def test_a_step_is_seconds_or_a_duration(text: str, seconds: float) -> None:
    assert meant(step=text).step_s == seconds


NOT_A_MOMENT = (
    "", " ", "yesterday", "1h", "-1", "--1h", "-1y", "-1.5h", "-9999999999h", "-999999999w", "1e9", "inf", "nan",
    "-5", "999999999999", "2026-01-01", "2026-01-01T10:00:00", "0001-01-01T00:00:00+14:00", "1969-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00", "{}", "-1h\r\nX: y", "\u0661\u0662", '{"$ne": null}',
)  # fmt: skip


@pytest.mark.parametrize("text", NOT_A_MOMENT)
@pytest.mark.parametrize("field", ["start", "end"])
def test_what_is_no_moment_is_named_and_refused(text: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        meant(start=text) if field == "start" else meant(end=text)
    assert [error.field for error in refused.value.errors] == [field]
    assert "-1h" in refused.value.message


@pytest.mark.parametrize("text", ["", "0", "0s", "0.5", "-1", "-5s", "1e9", "nan", "inf", "1y", "15 s", "one", "{}"])
def test_a_step_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        meant(step=text)
    assert [error.field for error in refused.value.errors] == ["step"]
    assert "at least 1 second" in refused.value.message


@pytest.mark.parametrize(
    ("start", "end"), [("-1h", "-2h"), ("-1h", "-1h"), ("now", None), ("2030-01-01T00:00:00Z", None)]
)
def test_a_start_that_is_not_before_the_end_is_refused(start: str, end: str | None) -> None:
    with pytest.raises(Invalid, match="start: must be before the end"):
        meant(start=start, end=end)


def test_the_end_may_be_now() -> None:
    assert meant(start="-1h", end="now") == Span(NOW - HOUR, NOW, 15.0)


def test_a_million_points_are_refused_with_the_step_that_would_do() -> None:
    with pytest.raises(Invalid) as refused:
        meant(start=f"-{1_000_000}s", step="1")
    assert [error.field for error in refused.value.errors] == ["step"]
    assert "11,000 points" in refused.value.message and "a step of 91 s" in refused.value.message
    assert meant(start="-1000000s", step="91").step_s == 91.0
    assert meant(start=f"-{MAX_POINTS - 1}s", step="1").step_s == 1.0


def test_the_end_of_a_job_that_is_over_does_not_lie_before_a_start_that_was_asked_for() -> None:
    over = Life(NOW - 5 * HOUR, NOW - 4 * HOUR)
    assert meant(over, start="-1h") == Span(NOW - HOUR, NOW, 15.0)
    assert meant(over, start="-5h").end == NOW - 4 * HOUR + timedelta(seconds=30)


def test_a_job_lives_from_its_start_until_its_end() -> None:
    started, over = NOW - 2 * HOUR, NOW - HOUR
    assert life(job(), None) == Life(NOW - 3 * HOUR, None)
    assert life(job(status=JobStatus.RUNNING, attempt=1, started_at=started), None) == Life(started, None)
    assert life(job(status=JobStatus.RUNNING, attempt=2, started_at=started), None).began == NOW - 3 * HOUR
    ended = job(status=JobStatus.FINISHED, attempt=1, started_at=started, finished_at=over)
    assert life(ended, None) == Life(started, over)


def test_a_job_that_is_paused_or_was_killed_meanwhile_last_lived_when_it_last_ran() -> None:
    started, stopped = NOW - 2 * HOUR, NOW - HOUR
    usage = JobUsage(job_id=new_id(), runs=1, updated_at=stopped)
    paused = job(status=JobStatus.PAUSED, attempt=1, started_at=started)
    assert life(paused, usage) == Life(started, stopped)
    assert life(paused, None) == Life(started, None)
    killed = job(status=JobStatus.KILLED, attempt=1, started_at=started, finished_at=NOW)
    assert life(killed, usage) == Life(started, stopped)
    again = job(status=JobStatus.RUNNING, attempt=2, started_at=NOW)
    assert life(again, usage).ended is None
