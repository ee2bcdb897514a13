"""How far a pull has come, from the lines that an engine wrote, and from a cluster's events."""

from typing import Any

import pytest

from services.executor.backends.kubernetes.pulls import told_of
from services.executor.domain.pod_names import CONTAINER
from services.executor.domain.pulling import MOST_LAYERS, Held, Progress, Pull, amount_of, pulling, waiting_of
from services.executor.domain.record import record_of
from shared.contracts.job import Share
from tests.support.executor import BOOT, NOW, view_of

AT_NS = 1_795_897_372 * 1_000_000_000
GIB = 1 << 30


def line(status: str, id: str = "a", current: object = None, total: object = None) -> dict[str, Any]:
    return {"status": status, "id": id, "progressDetail": {"current": current, "total": total} if total else {}}


def after(*lines: dict[str, Any]) -> Pull:
    progress = Progress("python:3.12", AT_NS)
    for one in lines:
        progress.take(one)
    return progress.pull


def test_layers_and_bytes_are_told_as_an_engine_tells_them() -> None:
    began = [line("Pulling fs layer", id) for id in "abc"] + [line("Already exists", "d")]
    sizes = [line("Downloading", id, 0, 2 * GIB) for id in "ab"]
    some = [line("Downloading", "a", GIB, 2 * GIB), line("Download complete", "b"), line("Pull complete", "b")]
    assert (after(*began).layers, after(*began).layers_there, after(*began).size) == (4, 1, 0)
    assert after(*began, *sizes).size == 0, "the size of c is not known yet"
    found = after(*began, *sizes, line("Downloading", "c", 1, GIB), *some)
    assert (found.layers_there, found.arrived, found.size) == (2, 3 * GIB + 1, 5 * GIB)
    whole = after(*began, *(line("Pull complete", id) for id in "abc"))
    assert (whole.layers_there, whole.layers, whole.size) == (4, 4, 0)


def test_a_small_layer_whose_size_was_never_told_keeps_no_bytes_back() -> None:
    lines = [line("Pulling fs layer", "a"), line("Pulling fs layer", "b"), line("Verifying Checksum", "a")]
    found = after(*lines, line("Downloading", "b", 5, 10))
    assert (found.arrived, found.size) == (5, 10)


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"status": "Downloading", "id": "never begun", "progressDetail": {"current": 1, "total": 2}},
        {"status": "Downloading", "id": ["a"], "progressDetail": {"current": 1, "total": 2}},
        {"status": "Pulling fs layer", "id": {}},
        line("Downloading", "a", "1", "2"),
        line("Downloading", "a", -5, -1),
        {"status": "Downloading", "id": "a", "progressDetail": None},
    ],
)
def test_lines_that_say_nothing_change_nothing(strange: dict[str, Any]) -> None:
    known = line("Pulling fs layer")
    assert after(known, strange) == after(known)


def test_an_image_comes_nearer_with_each_byte_and_not_with_what_an_engine_repeats() -> None:
    progress = Progress("python:3.12", AT_NS)
    lines = [
        (line("Pulling from library/python", "3.12"), False),
        (line("Pulling fs layer"), True),
        (line("Pulling fs layer"), False),
        (line("Waiting"), False),
        (line("Downloading", current=1, total=9), True),
        (line("Downloading", current=1, total=9), False),
        (line("Retrying in 5 seconds"), False),
        (line("Pulling fs layer", "unsized"), True),
        (line("Downloading", "unsized", 5, 0), False),
        ({"status": "Downloading", "id": "unsized", "progressDetail": {"current": 5}}, True),
        (line("Download complete"), True),
        (line("Download complete"), False),
        (line("Extracting", current=1, total=9), True),
        (line("Extracting", current=1, total=9), True),
        (line("Pull complete"), True),
        (line("Pull complete"), False),
        ({"status": "Digest: sha256:1a"}, False),
    ]
    assert [progress.take(one) for one, _ in lines] == [nearer for _, nearer in lines]


def test_more_than_all_never_arrives_and_layers_without_end_are_not_counted() -> None:
    assert after(line("Pulling fs layer"), line("Downloading", "a", 99, 10)).arrived == 10
    assert after(*(line("Pulling fs layer", str(number)) for number in range(5000))).layers == MOST_LAYERS


def test_the_reason_says_what_is_known() -> None:
    assert pulling(Pull("x:1", AT_NS), "n1").message == (
        "Node n1 is pulling the image x:1 since 2026-11-28 20:22:52 UTC."
    )
    some = Pull("x:1", AT_NS, layers=7, layers_there=3, size=4 * GIB, arrived=GIB + GIB // 5)
    assert pulling(some, "n1").message == "Node n1 is pulling the image x:1: 3 of 7 layers, 1.2 of 4.0 GiB."
    assert amount_of(10, 900) == "10 of 900 bytes"
    assert amount_of(1 << 19, 3 << 20) == "0.5 of 3.0 MiB"


def test_of_several_ranks_the_one_is_told_that_has_come_least_far() -> None:
    shares = (Share(node="n1"), Share(node="n2", rank=1), Share(node="n3", rank=2))
    record = record_of(view_of(), shares, "run", BOOT, NOW, None)
    first, second, _ = record.ranks
    far, near = Pull("x", AT_NS, layers=3, layers_there=2), Pull("x", AT_NS, layers=3, layers_there=1)
    reason = waiting_of(record, {first: far, second: near})
    assert reason is not None and reason.details["node"] == "n2"
    assert waiting_of(record, {}) is None
    stuck = waiting_of(record, {first: far, second: Held("The volume does not come.")})
    assert stuck is not None
    assert (stuck.code, stuck.details["node"]) == ("pod_waits", "n2")
    assert stuck.message.endswith("The volume does not come.")


def event(reason: str, at: str | None, message: str = "", container: str = CONTAINER) -> dict[str, Any]:
    about = {"fieldPath": f"spec.containers{{{container}}}"}
    return {"reason": reason, "lastTimestamp": at, "message": message, "involvedObject": about}


@pytest.mark.parametrize(
    ("events", "since"),
    [
        ([], None),
        ([event("Scheduled", "2026-11-28T20:00:00Z")], None),
        ([event("Pulling", "2026-11-28T20:00:01Z")], 1),
        ([event("Pulling", "2026-11-28T20:00:01Z"), event("Pulled", "2026-11-28T20:00:02Z")], None),
        ([event("Failed", "2026-11-28T20:00:02Z"), event("Pulling", "2026-11-28T20:00:03Z")], 3),
        ([event("Pulling", None)], None),
        ([event("Pulling", "2026-11-28T20:00:01Z"), event("Pulled", "2026-11-28T20:00:02Z", container="proxy")], 1),
        ([event("Pulling", "2026-11-28T20:00:01Z", container="proxy")], None),
        ([{"reason": "Pulling", "lastTimestamp": "2026-11-28T20:00:01Z"}], 1),
    ],
)
def test_of_a_pod_the_last_event_counts(events: list[dict[str, Any]], since: int | None) -> None:
    pod = {"spec": {"containers": [{"image": "x:1"}]}}
    found = told_of(pod, events)
    assert (found is None) == (since is None)
    if isinstance(found, Pull) and since is not None:
        assert (found.image, found.since_ns // 1_000_000_000 % 60) == ("x:1", since)


PULLED_IN_VAIN = [
    event("Pulling", "2026-11-28T20:00:03Z"),
    event("Failed", "2026-11-28T20:00:03Z", 'Failed to pull image "x:1": no such host'),
    event("Failed", "2026-11-28T20:00:03Z", "Error: ErrImagePull"),
    event("BackOff", "2026-11-28T20:00:03Z", 'Back-off pulling image "x:1"'),
]


@pytest.mark.parametrize(
    ("cause", "message", "said"),
    [
        ("ErrImagePull", "failed to pull: no such host", "failed to pull: no such host."),
        ("ImagePullBackOff", 'Back-off pulling image "x:1": ErrImagePull: no such host', "ErrImagePull: no such host."),
        ("ImagePullBackOff", 'Back-off pulling image "x:1"', 'Failed to pull image "x:1": no such host'),
        ("CreateContainerConfigError", "secret not found", "secret not found."),
    ],
)
def test_a_pull_that_has_failed_is_told_as_that_and_not_as_going_on(cause: str, message: str, said: str) -> None:
    status = {"name": CONTAINER, "state": {"waiting": {"reason": cause, "message": message}}}
    pod = {"spec": {"nodeName": "n1", "containers": [{"image": "x:1"}]}, "status": {"containerStatuses": [status]}}
    found = told_of(pod, PULLED_IN_VAIN)
    assert isinstance(found, Held)
    assert found.said.endswith(said)


@pytest.mark.parametrize(
    ("events", "held"),
    [
        ([event("FailedMount", "2026-11-28T20:00:01Z", "no such export")], "no such export"),
        ([event("FailedCreatePodSandBox", "2026-11-28T20:00:01Z")], "FailedCreatePodSandBox"),
        ([event("Scheduled", "2026-11-28T20:00:09Z"), event("FailedMount", "2026-11-28T20:00:01Z", "no")], "no"),
        (
            [
                event("FailedMount", "2026-11-28T20:00:02Z", "newest"),
                event("FailedAttachVolume", "2026-11-28T20:00:01Z", "older"),
            ],
            "newest",
        ),
        ([event("FailedMount", "2026-11-28T20:00:01Z", "no"), event("Pulled", "2026-11-28T20:00:01Z")], None),
        (
            [
                event("FailedAttachVolume", "2026-11-28T20:00:01Z"),
                event("SuccessfulAttachVolume", "2026-11-28T20:00:02Z"),
            ],
            None,
        ),
    ],
)
def test_what_keeps_a_pod_from_its_image_is_told_until_it_gets_on(
    events: list[dict[str, Any]], held: str | None
) -> None:
    found = told_of({"spec": {"containers": [{"image": "x:1"}]}}, events)
    assert found == (None if held is None else Held(held))
