"""However often and in whatever order and lists attempts are told, jobs and days have used their sum, once."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.domain.attempt import Attempt
from services.metrics.domain.ledger import DayEntry, Entry, JobEntry, posting
from services.metrics.domain.totals import usage_of
from shared.contracts.metrics import RunUsage
from tests.support.attempts import NOON
from tests.support.documents import JOB_ID

JOBS = [JOB_ID[:-1] + last for last in "ABC"]
SECONDS = st.integers(0, 200_000).map(float)


@st.composite
def usages(draw: st.DrawFn) -> RunUsage:
    return RunUsage(
        seconds=draw(SECONDS),
        cpu_seconds=draw(st.none() | SECONDS),
        memory_peak_bytes=draw(st.none() | st.integers(0, 2**40)),
        memory_mean_bytes=draw(st.none() | st.integers(0, 2**40).map(float)),
        block_read_bytes=draw(st.none() | st.integers(0, 2**40)),
        device_measured_seconds=draw(SECONDS),
        device_idle_seconds=draw(SECONDS),
        device_utilization_mean=draw(st.none() | st.floats(0, 1)),
        reported=draw(st.dictionaries(st.sampled_from(["loss", "step"]), st.floats(-1e9, 1e9))),
        not_finite=draw(st.sampled_from([(), ("lr",), ("grad", "lr")])),
        dropped=draw(st.integers(0, 9)),
    )


@st.composite
def attempts(draw: st.DrawFn, number: int) -> Attempt:
    usage = draw(usages())
    started_at = NOON + timedelta(seconds=draw(SECONDS))
    devices = draw(st.integers(0, 8))
    undone = st.none() | st.integers(0, 300_000).map(lambda seconds: started_at + timedelta(seconds=seconds))
    return Attempt(
        job_id=draw(st.sampled_from(JOBS)),
        number=number,
        vc=draw(st.sampled_from(["default", "lab"])),
        owner="ada",
        device_type="v100" if devices else "cpu",
        devices=devices,
        cpus=draw(st.floats(0.01, 64)),
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=usage.seconds),
        usage=usage,
        preempted_since=draw(undone),
        failed_since=draw(undone),
    )


STORIES = st.integers(0, 6).flatmap(lambda many: st.tuples(*(attempts(number) for number in range(1, many + 1))))


def told(lists: Sequence[Sequence[Attempt]]) -> dict[str, Entry]:
    """The documents after these lists."""
    entries: dict[str, Entry] = {}
    for each in lists:
        new = posting(each, {id: entries[id] for id in {one.job_id for one in each} if id in entries})
        entries |= {blank.id: new.counted(entries.get(blank.id, blank)) for blank in new.empty}
    return entries


def rows_of(entries: dict[str, Entry]) -> list[DayEntry]:
    return [entry for entry in entries.values() if isinstance(entry, DayEntry)]


def nearly(fields: dict[str, object]) -> dict[str, object]:
    """The same but for the order in which floats were added."""
    return {name: pytest.approx(value) if isinstance(value, float) else value for name, value in fields.items()}


@given(STORIES, st.data())
def test_each_attempt_counts_once_whatever_is_told_again_and_in_which_order(
    story: tuple[Attempt, ...], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(story), max_size=6)) if story else []
    shuffled = data.draw(st.permutations([*story, *again]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    lists = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    once, many = told([story]), told(lists)
    assert once.keys() == many.keys()
    for id, entry in once.items():
        other = many[id]
        if isinstance(entry, JobEntry) and isinstance(other, JobEntry):
            assert usage_of(id, other.totals).model_dump() == nearly(usage_of(id, entry.totals).model_dump())
        else:
            assert isinstance(entry, DayEntry)
            assert isinstance(other, DayEntry)
            assert other.row.model_dump() == nearly(entry.row.model_dump())


@given(STORIES)
def test_the_days_together_hold_what_was_held_and_no_part_of_it_is_more_than_the_whole(
    story: tuple[Attempt, ...],
) -> None:
    rows = [entry.row for entry in rows_of(told([story]))]
    held = sum(attempt.held * attempt.usage.seconds for attempt in story) / 3600
    assert sum(row.device_hours for row in rows) == pytest.approx(held)
    assert sum(row.runs for row in rows) == len(story)
    used = sum(attempt.usage.cpu_seconds or 0 for attempt in story) / 3600
    assert sum(row.cpu_hours for row in rows) == pytest.approx(used)
    for row in rows:
        whole = row.device_hours * (1 + 1e-9) + 1e-9
        assert row.idle_hours + row.unknown_hours <= whole
        assert row.lost_to_preemption_hours <= whole
        assert row.lost_to_failure_hours <= whole
