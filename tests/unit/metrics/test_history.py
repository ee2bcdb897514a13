"""The yard's history: means of steps, gaps that stay gaps, each sample once, and a bound on what is kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.metrics.domain.grid import Grid
from services.metrics.domain.history import KEPT_S, MOST_COLUMNS, TRIMMED_ROWS, History
from services.metrics.domain.page import pieces
from services.metrics.yard import sample_of
from shared.bus.codec import Undecodable
from shared.contracts.cluster import ClusterSample, DeviceCount, HistorySeries, VcSample

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
    return {(one.name, one.device_type, one.vc): one.values for one in found.series(grid, vcs)}


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
    assert history().series(grid(0, 300), None) == []
    assert history(sampled(0, 1)).series(grid(3000, 3300), None) == []


def test_a_sample_that_is_no_younger_than_the_last_changes_nothing() -> None:
    found = history(sampled(30, 1), sampled(30, 9), sampled(0, 9), sampled(60, 3))
    assert waiting(found, grid(0, 60)) == (None, 1, 3)
    assert len(found) == 2


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
    assert {one.vc for one in found.series(grid(30, 30), None)} == {None, "lab", "other"}


def test_a_week_is_kept_and_what_is_gone_since_takes_no_room() -> None:
    found = history(sampled(0, 1, vcs={"gone": VcSample(waiting=1)}))
    for number in range(1, 3 * TRIMMED_ROWS):
        found.add(sampled(30 * number, 1))
    later = KEPT_S + 30 * 2 * TRIMMED_ROWS
    found.add(sampled(later, 2))
    assert len(found) <= 2 * TRIMMED_ROWS
    assert waiting(found, grid(later, later)) == (2,)
    assert not any(one.vc for one in found.series(grid(later, later), None))


def test_more_figures_than_there_is_room_for_are_left_out_and_the_yard_s_own_stay() -> None:
    found = History()
    for number in range(20):
        vcs = {f"vc-{number}-{other}": VcSample(waiting=1, held={"v100": 1}) for other in range(200)}
        found.add(sampled(30 * number, number, vcs=vcs))
    every = found.series(grid(0, 600), None)
    assert len(every) == MOST_COLUMNS
    assert waiting(found, grid(30, 90)) == (1, 2, 3)


def test_series_come_in_pages_that_fit_a_message() -> None:
    every = [HistorySeries(name="waiting", vc=f"vc-{number}", values=(0.123,) * 11_000) for number in range(10)]
    found: list[HistorySeries] = []
    more = True
    while more:
        some, more = pieces(every, len(found), lambda one: len(one.values) * 16)
        assert sum(len(one.model_dump_json()) for one in some) < 400 * 1024
        found += some
    assert found == every


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
