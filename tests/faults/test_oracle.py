"""The oracle itself: it finds what it looks for."""

from typing import Any

import pytest

from tests.support.audit import allocations, check_capacity

NODES = {"a": {"cpus": 2, "devices": {"v100": 2}}}


def _event(job: str, version: int, fact: str, second: int, device: int = 0, cpus: float = 0.5) -> dict[str, Any]:
    state = {"attempt": 1, "allocation": {"shares": [{"node": "a", "devices": [device]}]}}
    return {
        "jobversion": version,
        "type": f"io.jobyard.job.{fact}.v1",
        "time": f"2026-01-01T00:00:{second:02}Z",
        "data": {"job": {"id": job, "device_type": "v100", "cpus": cpus, "state": state}},
    }


def _life(job: str, begin: int, end: int, **of: Any) -> list[dict[str, Any]]:
    return [_event(job, 2, "scheduled", begin, **of), _event(job, 4, "finished", end, **of)]


def test_one_after_another_and_side_by_side_fits() -> None:
    events = {"x": _life("x", 1, 5), "y": _life("y", 5, 9), "z": _life("z", 2, 8, device=1)}
    check_capacity(allocations(events), NODES)


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (_life("y", 4, 9), "is held by x.1"),
        (_life("y", 4, 9, device=1, cpus=1.6), "cpu hundredths"),
        (_life("y", 4, 9, device=2), "has no"),
        ([_event("y", 2, "scheduled", 4)], "is held by"),
    ],
)
def test_what_was_given_twice_is_found(other: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_capacity(allocations({"x": _life("x", 1, 5), "y": other}), NODES)
