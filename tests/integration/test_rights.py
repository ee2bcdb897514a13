"""Who sees and does what, on the running platform, as different people; and what open streams lose with a right."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.people import Person, add, admin
from tests.support.platform import Platform, platform
from tests.support.waiting import seen, wait_until

WITHIN_S = 20.0
"""A right that was taken away is gone by then."""

ACTIONS = ("pause", "resume", "kill")
SECRET = "canary-of-the-environment"


@dataclass
class Cast:
    """Everybody, and one running job in an open and in a closed VC."""

    yard: Platform
    root: Person
    owner: Person
    vc_admin: Person
    member: Person
    stranger: Person
    open_job: str
    closed_job: str


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with platform() as yard:
        root = admin(yard)
        root.call("POST", "/vcs", 201, json={"name": "lab"})
        root.call("POST", "/vcs", 201, json={"name": "vault", "open": False})
        root.call("POST", "/vcs", 201, json={"name": "elsewhere"})
        both = {"lab": "member", "vault": "member"}
        people = {
            "owner": add(yard, "ada", both),
            "vc_admin": add(yard, "vera", {"lab": "admin", "vault": "admin"}),
            "member": add(yard, "bob", both),
            "stranger": add(yard, "eve", {"elsewhere": "admin"}),
        }
        jobs = {vc: _job(people["owner"], vc) for vc in ("lab", "vault")}
        yield Cast(yard=yard, root=root, open_job=jobs["lab"], closed_job=jobs["vault"], **people)


def _job(owner: Person, vc: str) -> str:
    command = ["sh", "-c", "echo said; sleep 1000", "canary-of-the-command"]
    id = owner.submit(command, vc=vc, env={"TOKEN": SECRET}, grace_period_s=0, cpus=0.01)
    wait_until(lambda: owner.call("GET", f"/jobs/{id}/logs", 200)["lines"], "it runs and has spoken")
    return id


def test_owner_and_administrators_see_everything_and_may_do_everything(cast: Cast) -> None:
    for who in (cast.owner, cast.vc_admin, cast.root):
        for id in (cast.open_job, cast.closed_job):
            job = who.call("GET", f"/jobs/{id}", 200)
            assert job["env"] == {"TOKEN": SECRET}
            assert job["command"][0] == "sh"
            assert job["actions"] == ["pause", "kill", "support"]
            assert who.call("GET", f"/jobs/{id}/logs", 200)["lines"][0]["text"] == "said"
            assert SECRET in str(who.call("GET", f"/jobs/{id}/events", 200))
            seen(
                lambda who=who, id=id: who.call("GET", f"/jobs/{id}/checkpoint", 200),  # type: ignore[misc]
                lambda checkpoint: checkpoint["known"],
                "its node tells of its checkpoints",
            )
            assert who.call("PATCH", f"/jobs/{id}", 409, json={"priority": 7})["code"] == "conflict"


def test_a_member_of_an_open_vc_reads_brief_and_console_but_no_environment_value_and_changes_nothing(
    cast: Cast,
) -> None:
    job = cast.member.call("GET", f"/jobs/{cast.open_job}", 200)
    assert job["env"] == {"TOKEN": "***"}
    assert job["command"][-1] == "canary-of-the-command"
    assert job["job_path"] == f"jobs/{cast.open_job}"
    assert job["actions"] == []
    assert cast.member.call("GET", f"/jobs/{cast.open_job}/logs", 200)["lines"][0]["text"] == "said"
    assert cast.member.status("GET", f"/jobs/{cast.open_job}/logs/download") == 200
    assert SECRET not in cast.member.ask("GET", f"/jobs/{cast.open_job}/events").text
    _changes_nothing(cast, cast.member, cast.open_job, 403)


def test_a_member_of_a_closed_vc_sees_the_brief_without_command_environment_and_paths_and_no_more(cast: Cast) -> None:
    job = cast.member.call("GET", f"/jobs/{cast.closed_job}", 200)
    assert (job["command"], job["env"], job["actions"]) == ("***", {}, [])
    assert [job[f"{path}_path"] for path in ("job", "work", "data", "checkpoint")] == [None] * 4
    assert (job["owner"], job["status"], job["name"]) == ("ada", "running", "test")
    history = cast.member.ask("GET", f"/jobs/{cast.closed_job}/events")
    assert [event["data"]["job"]["state"]["status"] for event in history.json()["items"]][-1] == "running"
    assert "canary" not in history.text
    for rest in ("logs", "logs/follow", "logs/download", "checkpoint"):
        refused = cast.member.call("GET", f"/jobs/{cast.closed_job}/{rest}", 403)
        assert "belongs to ada" in refused["detail"]
    _changes_nothing(cast, cast.member, cast.closed_job, 403)


def test_ways_into_a_job_are_its_owners_and_administrators(cast: Cast) -> None:
    for id in (cast.open_job, cast.closed_job):
        for who in (cast.owner, cast.vc_admin, cast.root):
            assert who.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "ssh"})["kind"] == "ssh"
            assert [one["name"] for one in who.call("GET", f"/jobs/{id}/endpoints", 200)["items"]] == ["ssh"]
            who.call("DELETE", f"/jobs/{id}/endpoints/ssh", 200)
        for who, refused in ((cast.member, 403), (cast.stranger, 404)):
            who.call("GET", f"/jobs/{id}/endpoints", refused)
            who.call("POST", f"/jobs/{id}/endpoints", refused, json={"name": "jupyter"})
            who.call("DELETE", f"/jobs/{id}/endpoints/ssh", refused)
        assert [one["name"] for one in cast.owner.call("GET", f"/jobs/{id}/endpoints", 200)["items"]] == ["ssh"]
    reader = cast.owner.call("POST", "/me/tokens", 201, json={"name": "reads", "scope": "read"})["token"]
    answer = httpx.post(
        f"{cast.yard.url}/api/v1/jobs/{cast.open_job}/endpoints",
        json={"name": "ssh"},
        headers={"Authorization": f"Bearer {reader}"},
        trust_env=False,
    )
    assert answer.status_code == 403


def test_a_job_of_a_foreign_vc_does_not_exist_and_neither_does_anything_below_it(cast: Cast) -> None:
    nobody = "01KC0000000000000000000001"
    for id in (cast.open_job, cast.closed_job):
        for rest in ("", "/events", "/logs", "/logs/follow", "/logs/download", "/checkpoint"):
            foreign = cast.stranger.call("GET", f"/jobs/{id}{rest}", 404)
            missing = cast.stranger.call("GET", f"/jobs/{nobody}{rest}", 404)
            assert foreign["detail"] == missing["detail"].replace(nobody, id)
        _changes_nothing(cast, cast.stranger, id, 404)


def _changes_nothing(cast: Cast, who: Person, id: str, status: int) -> None:
    before = cast.yard.job(id)
    for action in ACTIONS:
        assert who.status("POST", f"/jobs/{id}/{action}") == status
    assert who.status("PATCH", f"/jobs/{id}", json={"priority": 7}) == status
    assert cast.yard.job(id)["version"] == before["version"]


def test_a_vc_administrator_acts_on_the_jobs_of_the_vc(cast: Cast) -> None:
    id = _job(cast.owner, "vault")
    cast.vc_admin.call("POST", f"/jobs/{id}/kill", 202)
    cast.yard.wait(id, "killed")
    event = cast.owner.call("GET", f"/jobs/{id}/events", 200)["items"][-2]
    assert (event["type"], event["data"]["actor"]["name"]) == ("io.jobyard.job.killing.v1", "vera")


def test_one_submits_in_ones_own_name_and_to_ones_own_vcs(cast: Cast) -> None:
    body = {"name": "j", "command": "true"}
    assert cast.stranger.status("POST", "/jobs", json={**body, "vc": "lab"}) == 422
    assert cast.member.status("POST", "/jobs", json={**body, "vc": "lab", "owner": "ada"}) == 403
    assert cast.member.call("GET", "/jobs", 200)["total"] == 0


def test_the_feed_has_the_events_of_ones_own_vcs_without_what_the_table_withholds(cast: Cast) -> None:
    readers = {who.name: who.follow("/events") for who in (cast.owner, cast.member, cast.stranger, cast.root)}
    for reader in readers.values():
        wait_until(lambda r=reader: r.status == 200, "it is open")  # type: ignore[misc]
    ids = {vc: cast.owner.submit(["true", "canary"], vc=vc, env={"TOKEN": SECRET}) for vc in ("lab", "vault")}
    for id in ids.values():
        cast.yard.wait(id)

    def launches(name: str) -> dict[str, object]:
        events = [event.data for event in list(readers[name].events) if event.data["subject"] in ids.values()]
        found = {
            e["data"]["job"]["vc"]: e["data"].get("launch") for e in events if e["type"].split(".")[3] == "scheduled"
        }
        over = {e["data"]["job"]["vc"] for e in events if e["type"].split(".")[3] == "finished"}
        return found if over == {"lab", "vault"} else {}

    for name in ("ada", "bob", "admin"):
        wait_until(lambda n=name: launches(n), f"{name} has heard of both")  # type: ignore[misc]
    assert SECRET in str(launches("ada")["vault"])
    assert SECRET in str(launches("admin")["vault"])
    assert launches("bob")["vault"] is None
    assert "'TOKEN': '***'" in str(launches("bob")["lab"])
    assert SECRET not in str([event.data for event in readers["bob"].events])
    wait_until(lambda: readers["eve"].ticks, "the stranger hears that the queue moved, and nothing of why")
    assert readers["eve"].events == []
    own = cast.stranger.submit("true", vc="elsewhere")
    wait_until(lambda: any(e.data["subject"] == own for e in readers["eve"].events), "the stranger hears of its own")
    assert {event.data["subject"] for event in readers["eve"].events} == {own}
    for reader in readers.values():
        reader.close()


def test_closing_a_vc_cuts_the_consoles_that_are_open_in_it(cast: Cast) -> None:
    cast.root.call("POST", "/vcs", 201, json={"name": "door"})
    for who in (cast.owner, cast.member):
        cast.root.call("PATCH", f"/users/{who.name}", 200, json={"vcs": {"door": "member"}})
    wait_until(lambda: "door" in cast.owner.call("GET", "/me", 200)["vcs"], "it counts", WITHIN_S)
    id = _job(cast.owner, "door")
    wait_until(lambda: cast.member.status("GET", f"/jobs/{id}/logs") == 200, "the member may read", WITHIN_S)
    reader = cast.member.follow(f"/jobs/{id}/logs/follow")
    wait_until(lambda: reader.lines() == ["said"], "it is open")
    cast.root.call("PATCH", "/vcs/door", 200, json={"open": False})
    wait_until(lambda: not reader.open, "it is cut", WITHIN_S)
    assert reader.events[-1].name == "lines"
    assert cast.member.status("GET", f"/jobs/{id}/logs") == 403
    cast.root.call("PATCH", "/vcs/door", 200, json={"open": True})
    wait_until(lambda: cast.member.status("GET", f"/jobs/{id}/logs") == 200, "open again", WITHIN_S)


def test_closing_a_vc_cuts_a_download_in_its_midst(cast: Cast) -> None:
    cast.root.call("POST", "/vcs", 201, json={"name": "dock"})
    for who in (cast.owner, cast.member):
        cast.root.call("PATCH", f"/users/{who.name}", 200, json={"vcs": {"dock": "member"}})
    wait_until(lambda: "dock" in cast.owner.call("GET", "/me", 200)["vcs"], "it counts", WITHIN_S)
    id = cast.owner.submit("head -c 30000000 /dev/zero | tr '\\0' 'x' | fold -w 999", vc="dock", cpus=0.01)
    cast.yard.wait(id)
    wait_until(lambda: cast.member.status("GET", f"/jobs/{id}/logs?tail=1") == 200, "the member may read", WITHIN_S)
    url = f"/api/v1/jobs/{id}/logs/download"
    with cast.yard.http.stream("GET", url, headers=cast.member.headers()) as download:
        pieces = download.iter_raw(65_536)
        assert next(pieces)
        cast.root.call("PATCH", "/vcs/dock", 200, json={"open": False})
        wait_until(lambda: cast.member.status("GET", f"/jobs/{id}/logs?tail=1") == 403, "it counts", WITHIN_S)
        with pytest.raises(httpx.RemoteProtocolError):
            list(pieces)
    assert "request_failed" not in cast.yard.output()


def test_leaving_a_vc_cuts_the_feed_and_the_console_and_hides_its_jobs(cast: Cast) -> None:
    leaver = add(cast.yard, "lea", {"lab": "member"})
    feed, console = leaver.follow("/events"), leaver.follow(f"/jobs/{cast.open_job}/logs/follow")
    wait_until(lambda: feed.status == 200 and console.lines() == ["said"], "both are open")
    cast.root.call("PATCH", "/users/lea", 200, json={"vcs": {"lab": None}})
    wait_until(lambda: not feed.open and not console.open, "both are cut", WITHIN_S)
    assert leaver.status("GET", f"/jobs/{cast.open_job}") == 404
    assert leaver.call("GET", "/me", 200)["vcs"] == {}


@pytest.mark.parametrize("right", ["read", "act"])
def test_an_api_token_may_do_what_its_owner_may_and_one_that_reads_changes_nothing(cast: Cast, right: str) -> None:
    made = cast.owner.call("POST", "/me/tokens", 201, json={"name": f"t-{right}", "scope": right})
    token = Person(cast.yard, "ada", made["token"])
    job = token.call("GET", f"/jobs/{cast.open_job}", 200)
    assert job["env"] == {"TOKEN": SECRET}
    assert job["actions"] == (["pause", "kill", "support"] if right == "act" else [])
    body = {"name": "by-token", "command": "true", "vc": "lab"}
    if right == "act":
        id = token.call("POST", "/jobs", 201, json=body)["id"]
        assert token.call("GET", f"/jobs/{id}", 200)["owner"] == "ada"
        return
    version = cast.yard.job(cast.open_job)["version"]
    changes = [("POST", "/jobs"), ("POST", "/jobs:submit-batch"), ("PATCH", f"/jobs/{cast.open_job}")]
    changes += [("POST", f"/jobs/{cast.open_job}/{action}") for action in ACTIONS]
    for method, path in changes:
        assert "may only read" in token.call(method, path, 403, json=body)["detail"], path
    assert cast.yard.job(cast.open_job)["version"] == version


def test_a_reason_tells_of_a_job_of_another_vc_by_its_size_only(tmp_path: Path) -> None:
    with platform(simulate="v100=1") as yard:
        root = admin(yard)
        root.call("POST", "/vcs", 201, json={"name": "lab"})
        owner, rival = add(yard, "ada", {"default": "member"}), add(yard, "rose", {"lab": "member"})
        device: dict[str, Any] = {"device_type": "v100", "devices": 1, "cpus": 0.01}
        stubborn = (
            "trap 'while [ ! -e \"$GATE\" ]; do sleep 0.05; done; exit 0' TERM; echo up; while :; do sleep 0.05; done"
        )
        low = owner.submit(
            stubborn,
            env={"GATE": str(tmp_path / "gate")},
            priority=10,
            preemptible=True,
            grace_period_s=600,
            **device,
        )
        wait_until(lambda: owner.call("GET", f"/jobs/{low}/logs", 200)["lines"], "it runs")
        high = rival.submit("true", "winner", priority=900, vc="lab", **device)
        wait_until(lambda: owner.call("GET", f"/jobs/{low}", 200)["status"] == "pausing", "it has to go")
        reason = owner.call("GET", f"/jobs/{low}", 200)["reason"]
        assert "A job of another VC (1 v100 and 0.01 cpus) of higher priority" in reason["message"]
        told = owner.ask("GET", f"/jobs/{low}").text + owner.ask("GET", f"/jobs/{low}/events").text
        feed = owner.follow("/events", job_id=low)
        waits = seen(
            lambda: rival.call("GET", f"/jobs/{high}", 200)["reason"],
            lambda reason: reason["code"] == "making_room",
            "room is made for it",
        )
        assert "a job of another VC (1 v100 and 0.01 cpus)" in waits["message"]
        assert low not in rival.ask("GET", f"/jobs/{high}").text
        (tmp_path / "gate").touch()
        wait_until(lambda: any("preempted" in e.data["type"] for e in feed.events), "the feed tells of it")
        told += str([event.data for event in feed.events]) + owner.ask("GET", f"/jobs/{low}/events").text
        assert high not in told
        assert "winner" not in told
        feed.close()
