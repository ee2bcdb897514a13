"""What the METRICS stream may carry: samples, and everything else, which is named and never raised."""

import json
from typing import Any

import pytest

from services.metrics.domain.ring import Ring
from services.metrics.samples import sample
from shared.bus.codec import Undecodable
from shared.contracts import subjects
from shared.contracts.metrics import MOST, MOST_ACCELERATORS, MOST_SECONDS, REPORTED_NAMES, Sample
from tests.support.metrics_service import JOB, sample_at

GOOD: dict[str, Any] = json.loads(
    sample_at(
        5,
        cpu_seconds=1.0,
        network={"receive_bytes": 1, "transmit_bytes": 2, "scope": "run"},
        accelerators=({"kind": "gpu", "device": 0, "memory_bytes": 5},),
        reported={"loss": 1.0},
    ).model_dump_json()
)


def read(subject: str = f"metric.{JOB}.0", **fields: Any) -> Sample | Undecodable:
    return sample(subject, json.dumps(GOOD | fields).encode())


def test_a_sample_is_read() -> None:
    found = read()
    assert isinstance(found, Sample)
    assert found.reported == {"loss": 1.0}


@pytest.mark.parametrize(
    "fields",
    [
        {"cpu_seconds": -1},
        {"cpu_seconds": "1"},
        {"cpu_seconds": {"$gt": 0}},
        {"cpu_seconds": True},
        {"memory_bytes": 1.5},
        {"memory_bytes": 2**63},
        {"memory_bytes": 10**400},
        {"block_read_bytes": 10**400},
        {"block_write_bytes": -1},
        {"attempt": 2**64},
        {"rank": -1},
        {"rank": 1},
        {"job_id": "01JD0000000000000000000001"},
        {"job_id": "*"},
        {"vc": "a.b"},
        {"owner": "a\nb"},
        {"time": "2026-11-23"},
        {"time": "2026-11-23T12:00:00"},
        {"network": {"receive_bytes": 1}},
        {"network": {"receive_bytes": 10**400, "transmit_bytes": 0, "scope": "run"}},
        {"network": {"receive_bytes": 1, "transmit_bytes": 0, "scope": "other"}},
        {"accelerators": [{"kind": "tpu", "device": 0}]},
        {"accelerators": [{"kind": "gpu", "device": 0, "utilization": 1.1}]},
        {"accelerators": [{"kind": "gpu", "device": 0, "memory_bytes": 10**400}]},
        {"accelerators": [{"kind": "gpu", "device": 10**400}]},
        {"reported": {"$gt": 1}},
        {"reported": {"a b": 1}},
        {"reported": {"loss": "NaN"}},
        {"reported": {"x" * 65: 1}},
        {"cpu_seconds": 1e13},
        {"dropped": 10**400},
        {"dropped": 2**63},
        {"dropped": -1},
        {"not_finite": ["a b"]},
        {"not_finite": "loss"},
    ],
    ids=str,
)
def test_what_is_no_sample_is_named(fields: dict[str, Any]) -> None:
    found = read(**fields)
    assert isinstance(found, Undecodable)
    assert JOB in str(found)


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("reported", {f"n{number}": 1.0 for number in range(REPORTED_NAMES)}),
        ("not_finite", [f"n{number}" for number in range(REPORTED_NAMES)]),
        ("accelerators", [{"kind": "gpu", "device": number} for number in range(MOST_ACCELERATORS)]),
    ],
    ids=["reported", "not finite", "accelerators"],
)
def test_a_sample_has_so_many_names_and_devices_and_no_more(field: str, most: Any, more: int) -> None:
    if more:
        most = {**most, "more": 1.0} if isinstance(most, dict) else [*most, most[0]]
    assert isinstance(read(**{field: most}), Undecodable) == bool(more)


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"cpu_seconds": NaN}', json.dumps(GOOD).encode()[:-1]]
)
def test_what_is_no_json_is_named(payload: bytes) -> None:
    assert isinstance(sample(f"metric.{JOB}.0", payload), Undecodable)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_what_is_no_number_is_no_value(value: str) -> None:
    payload = json.dumps(GOOD).replace('"loss": 1.0', f'"loss": {value}').encode()
    assert isinstance(sample(f"metric.{JOB}.0", payload), Undecodable)


@pytest.mark.parametrize("subject", ["metric.x.0", f"metric.{JOB}.1", f"metric.{JOB}", f"log.1.{JOB}"])
def test_a_sample_is_of_the_job_and_rank_that_its_subject_names(subject: str) -> None:
    assert isinstance(read(subject), Undecodable)


def test_whatever_was_read_has_its_place_in_a_ring() -> None:
    """The largest that there are: a follower that failed at one would end the process, again and again."""
    ring = Ring()
    for number, time in enumerate(("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2026-11-23T12:00:00Z")):
        fields: dict[str, Any] = {
            "memory_bytes": MOST,
            "attempt": 2**62,
            "cpu_seconds": MOST_SECONDS,
            "dropped": MOST,
            "reported": {"x": -1e308},
        }
        found = read(time=time, **fields)
        assert isinstance(found, Sample)
        ring.add(number + 1, found)
    assert ring.position == 3


def test_subjects_are_those_that_executors_use() -> None:
    assert subjects.sample(JOB, 0) == f"metric.{JOB}.0"
