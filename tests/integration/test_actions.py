"""What people do to jobs, on the running platform: many at once, checkpoints, receipts, time limits, bad input."""

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from shared.ids import new_id
from tests.support.platform import Platform, platform
from tests.support.separate import SERVICES, separate_services
from tests.support.waiting import seen, wait_until

HELD = {"name": "held", "command": "true", "device_type": "none-such", "devices": 1}
"""A job that stays in the queue: no node has its devices."""

SAVES = """
import signal, sys, time, jobyard
if sys.argv[1] == "at-once":
    jobyard.save({"step": 1}, "state.pkl")
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
print("begun", flush=True)
while not stop:
    time.sleep(0.02)
if sys.argv[1] == "on-sigterm":
    jobyard.save({"step": 2}, "state.pkl")
"""


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=4") as running:
        yield running


def held(yard: Platform, count: int, **fields: Any) -> list[str]:
    outcomes = yard.call("POST", "/jobs:submit-batch", 207, json={"jobs": [HELD | fields] * count})["outcomes"]
    return [outcome["id"] for outcome in outcomes]


def change(yard: Platform, **body: Any) -> Any:
    return yard.call("POST", "/jobs:batch", 207, json=body)


def statuses(answer: Any) -> list[int]:
    return [outcome["status"] for outcome in answer["outcomes"]]


def event_of(yard: Platform, id: str, fact: str) -> Any:
    events = yard.call("GET", f"/jobs/{id}/events", 200)["items"]
    return next(event["data"] for event in events if event["type"] == f"io.jobyard.job.{fact}.v1")


def test_each_job_of_a_list_is_changed_or_refused_for_itself_and_in_order(yard: Platform) -> None:
    waiting = held(yard, 2)
    running = yard.submit("sleep 600", grace_period_s=1)
    over = yard.submit("true")
    yard.wait(running, "running")
    yard.wait(over)
    unknown = new_id()
    ids = [waiting[0], over, running, unknown, waiting[1]]
    answer = change(yard, action="kill", ids=ids)
    assert statuses(answer) == [202, 409, 202, 404, 202]
    assert [outcome["id"] for outcome in answer["outcomes"]] == ids
    assert answer["outcomes"][1]["problem"]["detail"] == "A job that is finished cannot be killed."
    assert answer["matched"] == 5
    for id in (*waiting, running):
        assert yard.wait(id, "killed")["reason"]["details"]["by"] == "admin"
    assert statuses(change(yard, action="kill", ids=waiting)) == [202, 202]


def test_a_filter_means_the_jobs_that_meet_all_of_it_and_a_dry_run_changes_none(yard: Platform) -> None:
    meant = held(yard, 3, labels={"team": "vision", "kind": "a"})
    others = held(yard, 2, labels={"team": "vision", "kind": "b"})
    chosen = {"label": {"team": "vision", "kind": "a"}, "status": ["queued"]}
    named = change(yard, action="pause", filter=chosen, dry_run=True)
    assert [outcome["id"] for outcome in named["outcomes"]] == meant[::-1]
    assert {yard.job(id)["status"] for id in meant} == {"queued"}
    assert statuses(change(yard, action="pause", filter=chosen)) == [202] * 3
    assert {yard.job(id)["status"] for id in meant} == {"paused"}
    assert {yard.job(id)["status"] for id in others} == {"queued"}
    del chosen["status"]
    assert statuses(change(yard, action="priority", priority=321, filter=chosen)) == [200] * 3
    assert event_of(yard, meant[0], "priority_changed")["previous"] == 100
    assert {yard.job(id)["priority"] for id in meant} == {321}
    assert statuses(change(yard, action="resume", filter=chosen)) == [202] * 3
    assert statuses(change(yard, action="resume", filter=chosen)) == []
    already = change(yard, action="resume", filter=chosen | {"status": ["queued", "paused"]})
    assert statuses(already) == [202] * 3
    assert statuses(change(yard, action="kill", filter={"label": {"team": "vision"}, "q": "held"})) == [202] * 5
    assert {yard.job(id)["status"] for id in (*meant, *others)} == {"killed"}


def test_a_filter_goes_on_from_its_cursor_where_more_than_a_thousand_match(yard: Platform) -> None:
    ids = [id for _ in range(3) for id in held(yard, 400, labels={"team": "many"})]
    chosen = {"label": {"team": "many"}}
    first = change(yard, action="kill", filter=chosen)
    second = change(yard, action="kill", filter=chosen, cursor=first["next_cursor"])
    assert (first["matched"], second["matched"]) == (1000, 200)
    assert set(statuses(first)) | set(statuses(second)) == {202}
    assert "next_cursor" not in second
    assert {outcome["id"] for outcome in (*first["outcomes"], *second["outcomes"])} == set(ids)
    assert {yard.job(id)["status"] for id in ids[::100]} == {"killed"}


def test_pausing_says_that_there_is_no_checkpoint_and_the_receipt_what_was_lost(yard: Platform) -> None:
    id = yard.submit("trap 'exit 0' TERM; echo begun; while :; do sleep 0.05; done", cpus=0.5, grace_period_s=7)
    wait_until(lambda: yard.lines(id) == ["begun"], "it runs")
    assert yard.call("GET", f"/jobs/{id}/checkpoint", 200) == {"known": True, "written_at": None}
    yard.call("POST", f"/jobs/{id}/pause", 202)
    paused = yard.wait(id, "paused")
    assert yard.call("GET", f"/jobs/{id}/checkpoint", 200) == {"known": False, "written_at": None}
    pausing = event_of(yard, id, "pausing")["job"]["state"]["reason"]
    assert (
        pausing["message"]
        == "admin asked it to pause; it has 7 s to write a checkpoint. It has written no checkpoint yet."
    )
    assert (pausing["details"]["checkpoint_at"], pausing["details"]["grace_period_s"]) == (None, 7)
    assert paused["reason"]["details"]["checkpoint_at"] is None
    assert paused["reason"]["details"]["grace_period_s"] == 7
    receipt = event_of(yard, id, "paused")["receipt"]
    assert receipt["by"] == {"kind": "user", "name": "admin"}
    assert (receipt["rule"], receipt["why"]) == ("pause_command", "admin asked it to pause.")
    assert (receipt["held"], receipt["unit"], receipt["checkpoint_at"]) == (0.5, "cpu", None)
    assert receipt["lost_since"] == paused["started_at"]
    assert receipt["minutes_lost"] == pytest.approx(0.5 * seconds(receipt) / 60, abs=0.001)


@pytest.mark.parametrize("when", ["at-once", "on-sigterm"])
def test_a_checkpoint_of_the_script_is_named_and_only_what_came_after_it_is_lost(yard: Platform, when: str) -> None:
    id = yard.submit([sys.executable, "-c", SAVES, when])
    wait_until(lambda: yard.lines(id) == ["begun"], "it runs")
    asked = yard.call("GET", f"/jobs/{id}/checkpoint", 200)["written_at"]
    yard.call("POST", f"/jobs/{id}/pause", 202)
    paused = yard.wait(id, "paused")
    known = event_of(yard, id, "pausing")["job"]["state"]["reason"]["details"]["checkpoint_at"]
    receipt = event_of(yard, id, "paused")["receipt"]
    assert paused["reason"]["details"]["checkpoint_at"] == receipt["checkpoint_at"] == receipt["lost_since"]
    assert paused["started_at"] <= receipt["checkpoint_at"] <= receipt["stopped_at"]
    assert asked == known == (receipt["checkpoint_at"] if when == "at-once" else None)
    folder = yard.data / "storage" / paused["checkpoint_path"]
    assert [path.name for path in folder.iterdir()] == ["state.pkl"]


def test_a_job_that_is_paused_in_the_queue_has_lost_nothing(yard: Platform) -> None:
    (id,) = held(yard, 1)
    yard.call("POST", f"/jobs/{id}/pause", 202)
    receipt = event_of(yard, id, "paused")["receipt"]
    assert (receipt["minutes_lost"], receipt["stopped_at"], receipt["unit"]) == (0, None, "device")
    yard.call("POST", f"/jobs/{id}/kill", 202)


def test_a_preemption_leaves_a_receipt(yard: Platform) -> None:
    victim = yard.submit("sleep 600", device_type="v100", devices=4, preemptible=True, priority=10, grace_period_s=1)
    yard.wait(victim, "running")
    urgent = yard.submit("true", name="urgent", device_type="v100", devices=2, priority=900)
    assert yard.wait(urgent)["status"] == "finished"
    wait_until(lambda: "preempted" in yard.facts(victim), "it made room")
    told = event_of(yard, victim, "pausing")["job"]["state"]["reason"]
    assert told["message"].endswith("It has written no checkpoint yet.")
    receipt = event_of(yard, victim, "preempted")["receipt"]
    assert receipt["by"] == {"kind": "service", "name": "scheduler"}
    assert urgent in receipt["why"]
    assert receipt["rule"]
    assert (receipt["held"], receipt["unit"]) == (4, "device")
    assert receipt["minutes_lost"] == pytest.approx(4 * seconds(receipt) / 60, abs=0.001)
    yard.call("POST", f"/jobs/{victim}/kill", 202)
    yard.wait(victim, "killed")


def test_a_run_is_warned_before_its_time_limit_and_ended_at_it(yard: Platform) -> None:
    id = yard.submit("sleep 600", max_duration_s=10, grace_period_s=1)
    warned = wait_for_reason(yard, id, "time_limit_near")
    assert warned["status"] == "running"
    done = yard.wait(id)
    assert (done["status"], done["reason"]["code"]) == ("failed", "time_limit")
    assert yard.facts(id) == ["submitted", "scheduled", "started", "expiring", "killing", "failed"]
    assert event_of(yard, id, "killing")["actor"] == {"kind": "service", "name": "jobs"}
    due_at = event_of(yard, id, "expiring")["job"]["state"]["due_at"]
    assert (moment(due_at) - moment(done["started_at"])).total_seconds() == 10


def test_a_time_limit_outlives_a_restart_of_the_platform() -> None:
    with platform() as own:
        id = own.submit("sleep 600", max_duration_s=6, grace_period_s=1)
        own.wait(id, "running")
        own.kill()
        own.start()
        assert own.wait(id)["reason"]["code"] == "time_limit"
        assert [fact for fact in own.facts(id) if fact in ("expiring", "killing", "failed")][-2:] == [
            "killing",
            "failed",
        ]


def test_two_replicas_of_the_jobs_service_warn_and_end_each_run_once() -> None:
    with separate_services((*SERVICES, "jobs-2")) as own:
        ids = [own.submit("sleep 600", max_duration_s=10, grace_period_s=1, cpus=0.1) for _ in range(6)]
        waiting = held(own, 20)
        assert statuses(change(own, action="kill", ids=waiting)) == [202] * 20
        assert {own.job(id)["status"] for id in waiting} == {"killed"}
        for id in ids:
            assert own.wait(id)["reason"]["code"] == "time_limit"
            assert own.facts(id) == ["submitted", "scheduled", "started", "expiring", "killing", "failed"]


BAD: list[Any] = [
    {},
    [],
    {"action": "kill"},
    {"action": "delete", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]},
    {"action": ["kill"], "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]},
    {"action": "kill", "ids": []},
    {"action": "kill", "ids": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    {"action": "kill", "ids": ["*"]},
    {"action": "kill", "ids": [">"]},
    {"action": "kill", "ids": ["a.b"]},
    {"action": "kill", "ids": [{"$ne": None}]},
    {"action": "kill", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"] * 2},
    {"action": "kill", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "priority": 5},
    {"action": "kill", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "dry_run": True},
    {"action": "kill", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "filter": {}},
    {"action": "kill", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "actor": {"kind": "user", "name": "root"}},
    {"action": "priority", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]},
    {"action": "priority", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "priority": 0},
    {"action": "priority", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "priority": 1001},
    {"action": "priority", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "priority": True},
    {"action": "priority", "ids": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"], "priority": "high"},
    {"action": "kill", "filter": None},
    {"action": "kill", "filter": []},
    {"action": "kill", "filter": {"status": {"$ne": None}}},
    {"action": "kill", "filter": {"status": ["asleep"]}},
    {"action": "kill", "filter": {"status": "queued"}},
    {"action": "kill", "filter": {"owner": {"$ne": None}}},
    {"action": "kill", "filter": {"owner": "a b"}},
    {"action": "kill", "filter": {"vc": "$where"}},
    {"action": "kill", "filter": {"label": {"$gt": ""}}},
    {"action": "kill", "filter": {"label": {"team": {"$ne": ""}}}},
    {"action": "kill", "filter": {"label": ["team=vision"]}},
    {"action": "kill", "filter": {"q": "held\n"}},
    {"action": "kill", "filter": {"q": "x" * 5000}},
    {"action": "kill", "filter": {"preemptible": "yes"}},
    {"action": "kill", "filter": {"submitted_after": "yesterday"}},
    {"action": "kill", "filter": {"finished_after": {"$gt": ""}}},
    {"action": "kill", "filter": {"scope": "theirs"}},
    {"action": "kill", "filter": {"name": "held"}},
    {"action": "kill", "filter": {}, "cursor": "x"},
    {"action": "kill", "filter": {}, "cursor": "x" * 600},
    {"action": "kill", "filter": {}, "dry_run": "no"},
]


def test_bad_input_is_named_and_changes_nothing(yard: Platform) -> None:
    (id,) = held(yard, 1)
    for body in BAD:
        problem = yard.call("POST", "/jobs:batch", 422, json=body)
        assert problem["code"] == "invalid", body
        assert problem["detail"].endswith("."), body
    too_many = {"action": "kill", "ids": [new_id() for _ in range(1001)]}
    assert yard.call("POST", "/jobs:batch", 422, json=too_many)["errors"][0]["field"] == "ids"
    yard.call("POST", "/jobs:batch", 413, content=b"[" * (1 << 21), headers={"Content-Type": "application/json"})
    yard.call("POST", "/jobs:batch", 415, content=b"action=kill", headers={"Content-Type": "text/plain"})
    yard.call("POST", "/jobs:batch", 422, content=b'{"action": "kill", "priority": 1e999}', headers=JSON)
    assert (yard.job(id)["status"], yard.facts(id)) == ("queued", ["submitted"])
    yard.call("POST", f"/jobs/{id}/kill", 202)


JSON = {"Content-Type": "application/json"}


def wait_for_reason(yard: Platform, id: str, code: str) -> dict[str, Any]:
    return seen(lambda: yard.job(id), lambda job: (job["reason"] or {}).get("code") == code, f"the reason is {code}")


def seconds(receipt: dict[str, Any]) -> float:
    return (moment(receipt["stopped_at"]) - moment(receipt["lost_since"])).total_seconds()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_run_on_a_machine_that_answers_is_not_given_up_and_goes_on(yard: Platform) -> None:
    id = yard.submit("sleep 600", grace_period_s=1)
    yard.wait(id, "running")
    problem = yard.call("POST", f"/jobs/{id}/force", 409)
    assert "jobyard admin node forget" in problem["detail"]
    assert yard.job(id)["status"] == "running"
    assert yard.call("GET", "/audit", 200, params={"action": "job.forced"})["items"] == []
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id, "killed")
    assert "no run" in yard.call("POST", f"/jobs/{id}/force", 409)["detail"]
