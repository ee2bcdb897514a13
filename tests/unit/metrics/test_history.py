"""The yard's history: means of steps, gaps that stay gaps, each sample once, and a bound on what is kept."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from nats.js.api import StreamState

from services.metrics.domain.grid import Grid
from services.metrics.domain.history import KEPT_S, MOST_COLUMNS, TRIMMED_ROWS, History
from services.metrics.yard import YardHistory, sample_of
from shared.bus.bus import Bus
from shared.bus.codec import Undecodable
from shared.contracts.cluster import ClusterSample, DeviceCount, QueryHistory, VcSample
from shared.contracts.errors import Invalid, Unavailable
from tests.support.clock import ManualClock

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def sampled(second: float, waiting: int = 0, every_s: float = 30, **fields: Any) -> ClusterSample:
    fields = {"running": 0, "devices": {}, "vcs": {}, **fields}
    return ClusterSample(time=START + timedelta(seconds=second), every_s=every_s, waiting=waiting, **fields)


def grid(begin: float, end: float, step: float = 30) -> Grid:
    return Grid(START.timestamp() + begin, START.timestamp() + end, step)


def history(*samples: ClusterSample) -> History:
    found = History()
    for one in samples:
        found.add(one)
    return found


def drawn(found: History, grid: Grid, *vcs: str) -> dict[tuple[str, str | None, str | None], tuple[float | None, ...]]:
    return {(one.name, one.device_type, one.vc): one.values for one in found.series(grid, vcs)[0]}


def waiting(found: History, grid: Grid) -> tuple[float | None, ...]:
    return drawn(found, grid)["waiting", None, None]


def test_a_value_is_the_mean_of_the_step_that_ends_there() -> None:
    found = history(*(sampled(30 * number, number) for number in range(1, 7)))
    assert waiting(found, grid(60, 180, 60)) == (1.5, 3.5, 5.5)
    assert waiting(found, grid(30, 180)) == (1, 2, 3, 4, 5, 6)


def test_a_time_without_samples_is_a_gap_that_nothing_fills() -> None:
    found = history(sampled(0, 1), sampled(30, 1), sampled(300, 4), sampled(330, 4))
    assert waiting(found, grid(0, 330)) == (1, 1, *[None] * 8, 4, 4)


def test_a_step_shorter_than_the_interval_takes_the_last_sample_as_long_as_it_speaks() -> None:
    found = history(sampled(0, 7))
    assert waiting(found, grid(-10, 50, 10)) == (None, 7, 7, 7, None, None, None)


def test_without_a_sample_in_the_time_there_are_no_series() -> None:
    assert history().series(grid(0, 300), None) == ((), False)
    assert history(sampled(0, 1)).series(grid(3000, 3300), None) == ((), False)


def test_each_moment_has_one_value_and_the_last_word_counts() -> None:
    found = history(sampled(30, 1), sampled(60, 9), sampled(60, 3))
    assert waiting(found, grid(0, 60)) == (None, 1, 3)
    assert len(found) == 2


def test_a_clock_that_was_ahead_and_was_set_back_leaves_no_trace() -> None:
    found = history(sampled(0, 1), *(sampled(3600 + 30 * number, 9) for number in range(5)), sampled(30, 2))
    assert waiting(found, grid(0, 60)) == (1, 2, None)
    assert found.series(grid(3600, 3750), None) == ((), False)


def test_what_a_sample_does_not_name_is_zero_and_no_gap() -> None:
    found = history(
        sampled(30, devices={"v100": DeviceCount(total=8, held=4)}),
        sampled(60, vcs={"lab": VcSample(waiting=2, running=1, held={"v100": 3})}),
    )
    lines = drawn(found, grid(30, 60), "lab")
    assert lines["total", "v100", None] == (8, 0)
    assert lines["used", "v100", None] == (4, 0)
    assert lines["waiting", None, "lab"] == (0, 2)
    assert lines["running", None, "lab"] == (0, 1)
    assert lines["used", "v100", "lab"] == (0, 3)


def test_only_the_virtual_clusters_that_were_asked_for_are_told_of() -> None:
    found = history(sampled(30, vcs={"lab": VcSample(waiting=2), "other": VcSample(waiting=3)}))
    assert {vc for _, _, vc in drawn(found, grid(30, 30), "lab")} == {None, "lab"}
    assert {vc for _, _, vc in drawn(found, grid(30, 30))} == {None}
    assert {one.vc for one in found.series(grid(30, 30), None)[0]} == {None, "lab", "other"}


def test_a_week_is_kept_and_what_is_gone_since_takes_no_room() -> None:
    found = history(sampled(0, 1, vcs={"gone": VcSample(waiting=1)}))
    for number in range(1, 3 * TRIMMED_ROWS):
        found.add(sampled(30 * number, 1))
    later = KEPT_S + 30 * 2 * TRIMMED_ROWS
    found.add(sampled(later, 2))
    assert len(found) <= 2 * TRIMMED_ROWS
    assert waiting(found, grid(later, later)) == (2,)
    assert not any(one.vc for one in found.series(grid(later, later), None)[0])


def test_more_figures_than_there_is_room_for_are_left_out_and_the_yard_s_own_stay() -> None:
    found = History()
    for number in range(20):
        held = dict.fromkeys(("v100", "h100", "ascend910"), 1)
        vcs = {f"vc-{number}-{other}": VcSample(waiting=1, held=held) for other in range(256)}
        found.add(sampled(30 * number, number, vcs=vcs))
    every, _ = found.series(grid(0, 600), None)
    assert len(every) == MOST_COLUMNS
    assert waiting(found, grid(30, 90)) == (1, 2, 3)


class Streams:
    """Says how far the stream CLUSTER reaches."""

    def __init__(self, last: int) -> None:
        self.js = self
        self.state = StreamState(messages=last, bytes=0, first_seq=1, last_seq=last, consumer_count=0)

    async def stream_info(self, name: str) -> "Streams":
        assert name == "CLUSTER"
        return self


def replica(last: int) -> YardHistory:
    """One that has begun while the stream reached so far, a day after the first sample."""
    found = YardHistory(cast(Bus, Streams(last)), ManualClock(START + timedelta(days=1)))
    asyncio.run(found.begin())
    return found


def asked(seconds: float, step_s: float = 30, **fields: Any) -> QueryHistory:
    return QueryHistory(start=START, end=START + timedelta(seconds=seconds), step_s=step_s, **fields)


def test_a_replica_that_still_reads_answers_nothing_rather_than_gaps() -> None:
    found = replica(2)
    found.add(1, sampled(0, 1))
    with pytest.raises(Unavailable, match="still reading"):
        found.page(asked(30))
    found.add(2, None)
    assert found.page(asked(30)).series[0].values == (0, None)
    assert replica(0).page(asked(30)).series == ()


def test_a_sample_of_a_wrong_clock_pushes_nothing_out() -> None:
    found = replica(2)
    found.add(1, sampled(0, 1))
    found.add(2, sampled(86_400 * 365, 9))
    assert found.page(asked(0)).series[1].values == (1,)


def test_series_come_in_pages_that_fit_a_message_each_once() -> None:
    found = replica(1)
    found.add(1, sampled(0, 1, every_s=86_400, vcs={f"vc-{number}": VcSample(waiting=1) for number in range(10)}))
    ask = asked(21_998, step_s=2)
    names = []
    while True:
        page = found.page(ask)
        assert len(page.model_dump_json()) < 400 * 1024
        names += [(one.name, one.vc) for one in page.series]
        if not page.more:
            break
        ask = ask.model_copy(update={"skip": len(names)})
    assert len(page.series[0].values) == 11_000
    assert len(names) == len(set(names)) == 22


@pytest.mark.parametrize("ask", [asked(-1), asked(30, step_s=1e-9), asked(86_400, step_s=1)])
def test_a_question_without_a_meaning_is_refused(ask: QueryHistory) -> None:
    with pytest.raises(Invalid):
        replica(0).page(ask)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        sampled(0).model_dump_json().replace('"waiting":0', '"waiting":-1').encode(),
        sampled(0).model_dump_json().replace('"waiting":0', f'"waiting":{2**31}').encode(),
        sampled(0).model_dump_json().replace('"every_s":30.0', '"every_s":1e400').encode(),
    ],
)
def test_a_message_that_is_no_sample_is_told_apart(payload: bytes) -> None:
    assert isinstance(sample_of("cluster.sample", payload), Undecodable)
    assert sample_of("cluster.sample", sampled(0).model_dump_json().encode()) == sampled(0)
