"""Users, virtual clusters, API tokens and the audit on the running platform; revocation; bad input in every field."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.people import PASSWORD, Person, add, admin, in_browser, sign_in
from tests.support.platform import Platform, platform
from tests.support.sse import SseReader
from tests.support.waiting import wait_until

WITHIN_S = 20.0
"""What was revoked does not count any more by then."""


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    settings = {"WRONG_PASSWORDS_PER_MINUTE": "1000", "TRUSTED_PROXIES": "127.0.0.1"}
    with platform(**{f"JOBYARD_GATEWAY_{name}": value for name, value in settings.items()}) as running:
        yield running


@pytest.fixture(scope="module")
def root(yard: Platform) -> Person:
    return admin(yard)


def audit(root: Person, **wanted: str | int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = root.call("GET", "/audit", 200, params=wanted)["items"]
    return items


# --- users


def test_a_user_is_made_found_signed_in_and_counted_as_what_it_is(yard: Platform, root: Person) -> None:
    body = {"username": "ada", "password": PASSWORD, "email": "ada@example.org", "vcs": {"default": "admin"}}
    made = root.call("POST", "/users", 201, json=body)
    assert {name: made[name] for name in ("name", "email", "admin", "disabled", "vcs", "issuer")} == {
        "name": "ada",
        "email": "ada@example.org",
        "admin": False,
        "disabled": False,
        "vcs": {"default": "admin"},
        "issuer": False,
    }
    assert made in root.call("GET", "/users", 200)["items"]
    ada = sign_in(yard, "ada")
    me = {"name": "ada", "admin": False, "vcs": {"default": "admin"}, "scope": "act", "grafana": None}
    assert ada.call("GET", "/me", 200) == me
    assert root.call("POST", "/users", 409, json=body)["code"] == "conflict"
    assert "the platform itself" in root.call("POST", "/users", 409, json={**body, "username": "jobyard"})["detail"]


def test_users_are_listed_in_pages(yard: Platform, root: Person) -> None:
    for number in range(3):
        root.call("POST", "/users", 201, json={"username": f"page-{number}", "password": PASSWORD})
    names: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = root.call("GET", "/users", 200, params=params)
        assert len(page["items"]) <= 2
        names += [user["name"] for user in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == sorted(set(names))
    assert {"admin", "page-0", "page-1", "page-2"} <= set(names)


def test_users_and_the_audit_are_for_administrators_and_nobody_without_a_token_comes_in(yard: Platform) -> None:
    member, nobody = add(yard, "mia"), Person(yard, "nobody", None)
    asks: tuple[tuple[str, str, Any], ...] = (
        ("GET", "/users", None),
        ("POST", "/users", {"username": "x", "password": PASSWORD}),
        ("PATCH", "/users/admin", {"disabled": True}),
        ("PATCH", "/users/mia", {"admin": True}),
        ("POST", "/vcs", {"name": "mine"}),
        ("PATCH", "/vcs/default", {"open": False}),
        ("GET", "/audit", None),
    )
    for method, path, body in asks:
        assert member.call(method, path, 403, json=body)["code"] == "forbidden", path
        assert nobody.status(method, path, json=body) == 401, path
    for method, path in (("GET", "/me/tokens"), ("POST", "/me/tokens"), ("POST", "/me/password"), ("GET", "/vcs")):
        assert nobody.status(method, path, **({"json": {}} if method == "POST" else {})) == 401
    assert nobody.status("DELETE", "/me/tokens/01KC0000000000000000000001") == 401
    assert not member.call("GET", "/me", 200)["admin"]


def test_a_change_names_what_it_changes_and_leaves_the_rest(yard: Platform, root: Person) -> None:
    root.call("POST", "/vcs", 201, json={"name": "lab"})
    add(yard, "cleo", email="cleo@example.org")
    changed = root.call("PATCH", "/users/cleo", 200, json={"vcs": {"lab": "admin"}})
    assert (changed["vcs"], changed["email"]) == ({"default": "member", "lab": "admin"}, "cleo@example.org")
    changed = root.call("PATCH", "/users/cleo", 200, json={"vcs": {"default": None}, "email": None, "admin": True})
    assert (changed["vcs"], changed["email"], changed["admin"]) == ({"lab": "admin"}, None, True)
    root.call("PATCH", "/users/nobody", 404, json={"admin": True})


def test_an_administrator_can_not_lock_everybody_out(root: Person) -> None:
    for body in ({"disabled": True}, {"admin": False}):
        assert "another administrator" in root.call("PATCH", "/users/admin", 409, json=body)["detail"]
    assert root.call("GET", "/me", 200)["admin"]


# --- revocation


def test_disabling_ends_tokens_streams_and_sign_ins_and_enabling_does_not_bring_old_tokens_back(
    yard: Platform, root: Person
) -> None:
    dora = add(yard, "dora")
    made = dora.call("POST", "/me/tokens", 201, json={"name": "script", "scope": "read"})
    script = Person(yard, "dora", made["token"])
    feed = script.follow("/events")
    wait_until(lambda: feed.status == 200, "its feed is open")
    root.call("PATCH", "/users/dora", 200, json={"disabled": True})
    wait_until(lambda: dora.status("GET", "/me") == 401, "the token stops", WITHIN_S)
    wait_until(lambda: script.status("GET", "/me") == 401, "the API token stops", WITHIN_S)
    wait_until(lambda: not feed.open, "the feed is cut", WITHIN_S)
    credentials = {"username": "dora", "password": PASSWORD}
    assert yard.http.post("/api/v1/auth/token", json=credentials).status_code == 401
    root.call("PATCH", "/users/dora", 200, json={"disabled": False})
    assert sign_in(yard, "dora").status("GET", "/me") == 200
    wait_until(lambda: script.status("GET", "/me") == 200, "an API token that was not revoked counts again", WITHIN_S)
    assert dora.status("GET", "/me") == 401


def test_a_new_password_ends_what_was_signed_in_before(yard: Platform) -> None:
    fay = add(yard, "fay")
    feed = fay.follow("/events")
    wait_until(lambda: feed.status == 200, "its feed is open")
    assert (
        "present password" in fay.call("POST", "/me/password", 403, json={"current": "wrong", "new": "x" * 9})["detail"]
    )
    fay.call("POST", "/me/password", 204, json={"current": PASSWORD, "new": "another long one"})
    wait_until(lambda: fay.status("GET", "/me") == 401, "the old token stops", WITHIN_S)
    wait_until(lambda: not feed.open, "the feed is cut", WITHIN_S)
    old = {"username": "fay", "password": PASSWORD}
    assert yard.http.post("/api/v1/auth/token", json=old).status_code == 401
    assert sign_in(yard, "fay", "another long one").status("GET", "/me") == 200


def ends_browsers(yard: Platform, body: dict[str, str], change: Callable[[Person], Any]) -> None:
    """One browser makes the change, another one is signed out by it, and what it follows is cut."""
    one, other = in_browser(yard, body), in_browser(yard, body)
    feed = other.follow("/events")
    wait_until(lambda: feed.status == 200, "a browser follows what happens")
    change(one)
    wait_until(lambda: other.status("GET", "/me") == 401, "its cookie stops", WITHIN_S)
    wait_until(lambda: not feed.open, "the feed is cut", WITHIN_S)


def test_a_new_password_ends_browsers_and_what_they_follow(yard: Platform) -> None:
    add(yard, "eli")
    before, after = ({"username": "eli", "password": password} for password in (PASSWORD, "another long one"))
    body = {"current": PASSWORD, "new": after["password"]}
    ends_browsers(yard, before, lambda eli: eli.call("POST", "/me/password", 204, json=body))
    assert in_browser(yard, after).status("GET", "/me") == 200


def test_disabling_ends_browsers_and_what_they_follow(yard: Platform, root: Person) -> None:
    add(yard, "flo")
    credentials = {"username": "flo", "password": PASSWORD}
    ends_browsers(yard, credentials, lambda flo: root.call("PATCH", "/users/flo", 200, json={"disabled": True}))


def test_an_administrator_gives_a_new_password(yard: Platform, root: Person) -> None:
    gus = add(yard, "gus")
    root.call("PATCH", "/users/gus", 200, json={"password": "given by somebody"})
    wait_until(lambda: gus.status("GET", "/me") == 401, "the old token stops", WITHIN_S)
    assert sign_in(yard, "gus", "given by somebody").status("GET", "/me") == 200


def test_wrong_present_passwords_are_counted_and_leave_signing_in_alone() -> None:
    with platform(JOBYARD_GATEWAY_WRONG_PASSWORDS_PER_MINUTE="2") as yard:
        wrong = {"current": "wrong", "new": "a long enough one"}
        tries = [admin(yard).ask("POST", "/me/password", json=wrong) for _ in range(3)]
        assert [answer.status_code for answer in tries] == [403, 403, 429]
        assert "retry-after" in tries[-1].headers
        credentials = {"username": "admin", "password": (yard.data / "admin-password").read_text()}
        assert yard.http.post("/api/v1/auth/token", json=credentials).status_code == 200


# --- API tokens


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(yard: Platform) -> None:
    ivy = add(yard, "ivy")
    made = ivy.call("POST", "/me/tokens", 201, json={"name": "nightly", "scope": "act"})
    assert made["token"].startswith("jy_")
    listed = ivy.call("GET", "/me/tokens", 200)["items"]
    assert listed == [{name: made[name] for name in ("id", "name", "scope", "created_at")}]
    assert made["token"] not in str(listed)
    assert ivy.call("POST", "/me/tokens", 409, json={"name": "nightly", "scope": "read"})["code"] == "conflict"
    script = Person(yard, "ivy", made["token"])
    assert script.call("GET", "/me", 200)["scope"] == "act"
    feed = script.follow("/events")
    wait_until(lambda: feed.status == 200, "its feed is open")
    other = add(yard, "jon")
    other.call("DELETE", f"/me/tokens/{made['id']}", 404)
    assert script.status("GET", "/me") == 200
    ivy.call("DELETE", f"/me/tokens/{made['id']}", 204)
    wait_until(lambda: script.status("GET", "/me") == 401, "it stops", WITHIN_S)
    wait_until(lambda: not feed.open, "the feed is cut", WITHIN_S)
    ivy.call("DELETE", f"/me/tokens/{made['id']}", 404)
    assert ivy.call("GET", "/me/tokens", 200)["items"] == []
    ivy.call("POST", "/me/tokens", 201, json={"name": "nightly", "scope": "read"})


def test_a_token_makes_no_tokens_and_changes_no_password(yard: Platform) -> None:
    kim = add(yard, "kim")
    made = kim.call("POST", "/me/tokens", 201, json={"name": "t", "scope": "act"})
    script = Person(yard, "kim", made["token"])
    body = {"current": PASSWORD, "new": "a long enough one"}
    for method, path, sent in (
        ("POST", "/me/tokens", {"name": "u", "scope": "act"}),
        ("DELETE", f"/me/tokens/{made['id']}", None),
        ("POST", "/me/password", body),
    ):
        assert "Sign in" in script.call(method, path, 403, json=sent)["detail"]
    assert [token["name"] for token in script.call("GET", "/me/tokens", 200)["items"]] == ["t"]


def test_tokens_that_were_never_given_do_not_count(yard: Platform) -> None:
    leo = add(yard, "leo")
    made = leo.call("POST", "/me/tokens", 201, json={"name": "t", "scope": "act"})["token"]
    other = leo.call("POST", "/me/tokens", 201, json={"name": "u", "scope": "act"})["token"]
    head, secret = made[:30], made[30:]
    for wrong in (
        "jy_",
        "jy_x",
        made[:-1],
        made + "A",
        made.lower(),
        head + ("A" if secret[0] != "A" else "B") + secret[1:],
        head + other[30:],
        f"jy_01KC0000000000000000000001_{'A' * 43}",
        made.replace("jy_", "jx_"),
        "jy_" + "A" * 100_00,
    ):
        assert Person(yard, "leo", wrong).status("GET", "/me") in (401, 431), wrong
    assert Person(yard, "leo", made).status("GET", "/me") == 200


# --- virtual clusters


def test_a_vc_is_made_changed_and_listed_to_those_who_belong_to_it(yard: Platform, root: Person) -> None:
    made = root.call("POST", "/vcs", 201, json={"name": "vision", "max_priority": 500})
    assert (made["open"], made["max_priority"], made["max_duration_s"], made["jobs_per_user"]) == (
        True,
        500,
        None,
        None,
    )
    changed = root.call("PATCH", "/vcs/vision", 200, json={"open": False, "max_priority": None, "max_duration_s": 60})
    assert (changed["open"], changed["max_priority"], changed["max_duration_s"]) == (False, None, 60)
    insider, outsider = add(yard, "max", {"vision": "member"}), add(yard, "nea", {})
    assert [(vc["name"], vc["role"]) for vc in insider.call("GET", "/vcs", 200)["items"]] == [("vision", "member")]
    assert outsider.call("GET", "/vcs", 200)["items"] == []
    assert {"default", "vision"} <= {vc["name"] for vc in root.call("GET", "/vcs", 200)["items"]}
    root.call("POST", "/vcs", 409, json={"name": "vision"})
    root.call("PATCH", "/vcs/nowhere", 404, json={"open": True})


def test_a_vc_bounds_how_many_open_jobs_somebody_has_in_it(yard: Platform, root: Person) -> None:
    root.call("POST", "/vcs", 201, json={"name": "small", "jobs_per_user": 2})
    root.call("POST", "/vcs", 201, json={"name": "large"})
    olga, pete = (add(yard, name, {"small": "member", "large": "member"}) for name in ("olga", "pete"))
    sleeper = {"name": "j", "command": "sleep 1000", "vc": "small", "cpus": 0.01, "grace_period_s": 0}
    key = {"Idempotency-Key": "first"}
    first = olga.call("POST", "/jobs", 201, json=sleeper, headers=key)["id"]
    batch = olga.call("POST", "/jobs:submit-batch", 207, json={"jobs": [sleeper, sleeper, {**sleeper, "vc": "large"}]})
    assert [outcome["status"] for outcome in batch["outcomes"]] == [201, 409, 201]
    refused = olga.call("POST", "/jobs", 409, json=sleeper)
    assert "2 jobs in the virtual cluster 'small'" in refused["detail"]
    assert olga.call("POST", "/jobs", 201, json=sleeper, headers=key)["id"] == first
    pete.call("POST", "/jobs", 201, json=sleeper)
    olga.call("POST", f"/jobs/{first}/kill", 202)
    yard.wait(first, "killed")
    olga.call("POST", "/jobs", 201, json=sleeper)
    root.call("PATCH", "/vcs/small", 200, json={"jobs_per_user": None})
    wait_until(lambda: olga.status("POST", "/jobs", json=sleeper) == 201, "the bound is gone", WITHIN_S)


# --- the audit


def test_every_change_of_users_vcs_and_tokens_is_in_the_audit_with_who_when_and_from_what(
    yard: Platform, root: Person
) -> None:
    quin = add(yard, "quin", email="quin@example.org")
    root.call("POST", "/vcs", 201, json={"name": "audited"})
    root.call("PATCH", "/vcs/audited", 200, json={"open": False})
    answer = root.ask("PATCH", "/users/quin", json={"vcs": {"audited": "admin"}, "email": None})
    request_id = answer.headers["x-request-id"]
    quin.call("POST", "/me/password", 204, json={"current": PASSWORD, "new": "another long one"})
    quin = sign_in(yard, "quin", "another long one")
    made = quin.call("POST", "/me/tokens", 201, json={"name": "t", "scope": "read"})
    quin.call("DELETE", f"/me/tokens/{made['id']}", 204)
    entries = audit(root, target="user/quin")
    assert [(entry["actor"], entry["action"]) for entry in entries] == [
        ("quin", "user.changed"),
        ("admin", "user.changed"),
        ("admin", "user.created"),
    ]
    assert entries[0]["details"] == {"before": {}, "after": {}, "password": "changed"}
    assert entries[1]["details"] == {
        "before": {"email": "quin@example.org", "vcs": {"default": "member"}},
        "after": {"email": None, "vcs": {"default": "member", "audited": "admin"}},
    }
    assert (entries[1]["request_id"], entries[1]["address"]) == (request_id, "127.0.0.1")
    assert [entry["details"] for entry in audit(root, target="vc/audited", action="vc.changed")] == [
        {"before": {"open": True}, "after": {"open": False}}
    ]
    tokens = audit(root, target=f"token/{made['id']}")
    assert [entry["action"] for entry in tokens] == ["token.revoked", "token.created"]
    assert audit(root, target="user/admin", action="user.created")[0]["actor"] == "jobyard"


def test_what_people_do_to_jobs_is_in_the_audit_once_and_what_services_do_is_not(yard: Platform, root: Person) -> None:
    rita = add(yard, "rita")
    id = rita.submit("sleep 1000", device_type="none-such", devices=1, priority=5)
    rita.call("PATCH", f"/jobs/{id}", 200, json={"priority": 6})
    rita.call("POST", f"/jobs/{id}/pause", 202)
    rita.call("POST", f"/jobs/{id}/resume", 202)
    root.call("POST", f"/jobs/{id}/kill", 202)
    run = rita.submit("true")
    yard.wait(run)
    wanted = ["job.killed", "job.resumed", "job.paused", "job.priority_changed", "job.submitted"]
    wait_until(lambda: [entry["action"] for entry in audit(root, target=f"job/{id}")] == wanted, "it is all there")
    entries = audit(root, target=f"job/{id}")
    assert [entry["actor"] for entry in entries] == ["admin", "rita", "rita", "rita", "rita"]
    assert (entries[3]["details"]["previous"], entries[3]["details"]["priority"]) == (5, 6)
    assert all(entry["request_id"] for entry in entries)
    wait_until(lambda: audit(root, target=f"job/{run}"), "the other one is there")
    assert [entry["action"] for entry in audit(root, target=f"job/{run}")] == ["job.submitted"]


def test_the_audit_says_from_where_and_with_which_token_jobs_were_changed(yard: Platform, root: Person) -> None:
    sara = add(yard, "sara")
    token = sara.call("POST", "/me/tokens", 201, json={"name": "nightly", "scope": "act"})["token"]
    script, outside = Person(yard, "sara", token), {"X-Forwarded-For": "203.0.113.7"}
    waits = {"name": "waits", "command": "sleep 1000", "device_type": "none-such", "devices": 1, "priority": 5}
    single = script.call("POST", "/jobs", 201, json=waits, headers=outside)["id"]
    batch = script.call("POST", "/jobs:submit-batch", 207, json={"jobs": [waits]}, headers=outside)["outcomes"][0]["id"]
    script.call("PATCH", f"/jobs/{single}", 200, json={"priority": 6}, headers=outside)
    for verb in ("pause", "resume", "kill"):
        script.call("POST", f"/jobs/{single}/{verb}", 202, headers=outside)
    script.call("POST", "/jobs:batch", 207, json={"action": "kill", "ids": [batch]}, headers=outside)
    wanted = {
        (f"job/{single}", action)
        for action in ("job.killed", "job.resumed", "job.paused", "job.priority_changed", "job.submitted")
    } | {(f"job/{batch}", action) for action in ("job.killed", "job.submitted")}

    def found(**by: str) -> set[tuple[str, str]]:
        return {(entry["target"], entry["action"]) for entry in audit(root, **by)}

    wait_until(lambda: found(token="nightly", address="203.0.113.7") == wanted, "it is all there")
    entries = audit(root, token="nightly")
    assert len(entries) == len(wanted)
    assert all(entry["actor"] == "sara" and entry["request_id"] and entry["time"] for entry in entries)
    assert found(token="nightly", action="job.killed") == {(f"job/{id}", "job.killed") for id in (single, batch)}
    assert audit(root, address="203.0.113.8") == audit(root, token="weekly") == []


def test_a_kill_has_one_name_whether_the_job_waits_or_runs_and_what_the_platform_ends_is_nobodys(
    yard: Platform, root: Person
) -> None:
    tom = add(yard, "tom")
    waiting, running = tom.submit("sleep 1000", device_type="none-such", devices=1), tom.submit("sleep 1000", cpus=0.1)
    expiring = tom.submit("sleep 1000", cpus=0.1, max_duration_s=1, grace_period_s=0)
    yard.wait(running, "running")
    yard.wait(expiring, "failed")
    for id in (waiting, running):
        tom.call("POST", f"/jobs/{id}/kill", 202)
        yard.wait(id, "killed")

    def killed() -> dict[str, str]:
        entries = audit(root, actor="tom", action="job.killed")
        return {entry["target"]: entry["details"]["status"] for entry in entries}

    wait_until(lambda: killed() == {f"job/{waiting}": "killed", f"job/{running}": "killing"}, "both kills are there")
    assert [entry["action"] for entry in audit(root, target=f"job/{expiring}")] == ["job.submitted"]


def test_where_a_request_came_from_is_told_by_the_audit_alone(yard: Platform, root: Person) -> None:
    uma = add(yard, "uma")
    outside = {"X-Forwarded-For": "203.0.113.99"}
    body = {"name": "j", "command": "sleep 1000", "cpus": 0.1, "grace_period_s": 0}
    id = uma.call("POST", "/jobs", 201, json=body, headers=outside)["id"]
    yard.wait(id, "running")
    uma.call("POST", f"/jobs/{id}/pause", 202, headers=outside)
    yard.wait(id, "paused")
    wait_until(lambda: len(audit(root, address="203.0.113.99")) == 2, "the audit has both")
    for person in (uma, root):
        events = person.call("GET", f"/jobs/{id}/events", 200)["items"]
        assert events[0]["data"]["actor"] == {"kind": "user", "name": "uma"}
        assert "203.0.113.99" not in str(events)
        headers = {**person.headers(), "Last-Event-ID": "0"}
        feed = SseReader(f"{yard.url}/api/v1/events", headers, {"job_id": id})
        wait_until(lambda: len(feed.events) == len(events), "the feed has all of them")  # noqa: B023
        feed.close()
        assert [event.data["id"] for event in feed.events] == [event["id"] for event in events]
        assert "203.0.113.99" not in str(feed.events)
    uma.call("POST", f"/jobs/{id}/kill", 202)


def test_the_audit_is_filtered_paged_and_exported(yard: Platform, root: Person) -> None:
    for number in range(5):
        root.call("POST", "/vcs", 201, json={"name": f"export-{number}"})
    wanted = {"actor": "admin", "action": "vc.created"}
    whole = audit(root, **wanted, limit=500)
    paged: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = root.call("GET", "/audit", 200, params={**wanted, "limit": 2, **({"cursor": cursor} if cursor else {})})
        paged += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert paged == whole
    assert [entry["time"] for entry in whole] == sorted((entry["time"] for entry in whole), reverse=True)
    export = root.ask("GET", "/audit", params=wanted, headers={"Accept": "application/jsonl"})
    assert export.headers["content-type"].startswith("application/jsonl")
    assert [json.loads(line) for line in export.text.splitlines()] == whole
    middle = whole[2]["time"]
    since, until = audit(root, **wanted, after=middle, limit=500), audit(root, **wanted, before=middle, limit=500)
    assert since + until == whole
    assert since[-1]["time"] == middle
    assert audit(root, actor="nobody") == []


def test_no_password_and_no_token_is_in_the_audit_or_in_the_log(yard: Platform, root: Person) -> None:
    sam = add(yard, "sam")
    secret = "canary-password-1"
    sam.call("POST", "/me/password", 204, json={"current": PASSWORD, "new": secret})
    sam = sign_in(yard, "sam", secret)
    token = sam.call("POST", "/me/tokens", 201, json={"name": "t", "scope": "act"})["token"]
    assert Person(yard, "sam", token).status("GET", "/me") == 200
    export = root.ask("GET", "/audit", headers={"Accept": "application/jsonl"}).text
    assert "argon2" not in export
    for canary in (PASSWORD, secret, token, token[30:]):
        assert canary not in export
        assert canary not in yard.output()
        assert canary not in root.ask("GET", "/users").text


def test_accounts_tokens_and_the_audit_outlive_a_kill_of_the_gateway(yard: Platform, root: Person) -> None:
    tess = add(yard, "tess")
    token = tess.call("POST", "/me/tokens", 201, json={"name": "t", "scope": "act"})["token"]
    before = audit(root, target="user/tess")
    yard.kill_part("gateway")
    wait_until(yard.is_ready, "it is back")
    assert tess.status("GET", "/me") == 200
    assert Person(yard, "tess", token).status("GET", "/me") == 200
    assert audit(root, target="user/tess") == before


# --- bad input

LONG = "x" * 5000
NAMES: tuple[Any, ...] = (None, 1, "", "a b", "a/b", "../x", "-x", "é", "a\r\nb", {"$ne": None}, ["a"], LONG, True)
BAD: tuple[tuple[str, str, dict[str, Any], str, tuple[Any, ...]], ...] = (
    ("POST", "/users", {"username": "bad", "password": PASSWORD}, "username", NAMES),
    (
        "POST",
        "/users",
        {"username": "bad", "password": PASSWORD},
        "password",
        (None, 1, "", "short", LONG, {"$gt": ""}),
    ),
    (
        "POST",
        "/users",
        {"username": "bad", "password": PASSWORD},
        "email",
        (1, "", "x", "a@b\r\nBcc: c@d", "a b@c", "<a@b>", "a@b,c@d", "a@\u2028b", "é@b", {"$ne": None}, LONG + "@b"),
    ),
    (
        "POST",
        "/users",
        {"username": "bad", "password": PASSWORD},
        "vcs",
        (
            None,
            1,
            [],
            ["default"],
            {"default": "owner"},
            {"default": None},
            {"no where": "member"},
            {"nowhere": "member"},
        ),
    ),
    ("POST", "/users", {"username": "bad", "password": PASSWORD}, "admin", (None, 1, "true", {})),
    ("POST", "/users", {"username": "bad", "password": PASSWORD}, "generation", (7,)),
    ("PATCH", "/users/admin", {}, "email", (1, "x", "a@b\nc")),
    ("PATCH", "/users/admin", {}, "vcs", (None, [], {"nowhere": "member"}, {"default": "$set"}, {"a.b": "member"})),
    ("PATCH", "/users/admin", {}, "admin", (None, 0, "yes")),
    ("PATCH", "/users/admin", {}, "disabled", (None, 0, "no", {})),
    ("PATCH", "/users/admin", {}, "password", (None, 1, "short", LONG)),
    ("PATCH", "/users/admin", {}, "password_hash", ("x",)),
    ("POST", "/vcs", {"name": "bad"}, "name", (*NAMES, "a.b")),
    ("POST", "/vcs", {"name": "bad"}, "open", (None, 1, "no")),
    ("POST", "/vcs", {"name": "bad"}, "max_priority", (0, 1001, -1, 1.5, "9", True, 10**30)),
    ("POST", "/vcs", {"name": "bad"}, "max_duration_s", (0, -1, "9", 10**12)),
    ("POST", "/vcs", {"name": "bad"}, "jobs_per_user", (0, -1, "9", 10**12, {})),
    ("POST", "/vcs", {"name": "bad"}, "endpoint_idle_s", (0, 59, -1, "600", 10**12, {})),
    ("PATCH", "/vcs/default", {}, "endpoint_idle_s", (59, "600")),
    ("PATCH", "/vcs/default", {}, "open", (None, 1)),
    ("PATCH", "/vcs/default", {}, "max_priority", (0, 1001)),
    ("PATCH", "/vcs/default", {}, "max_duration_s", (0, "9")),
    ("PATCH", "/vcs/default", {}, "jobs_per_user", (0, "9")),
    ("PATCH", "/vcs/default", {}, "name", ("other",)),
    ("POST", "/me/tokens", {"name": "bad", "scope": "read"}, "name", NAMES),
    ("POST", "/me/tokens", {"name": "bad", "scope": "read"}, "scope", (None, "admin", "", 1, ["read"], {"$ne": None})),
    ("POST", "/me/password", {"current": PASSWORD, "new": PASSWORD}, "current", (None, 1, "", LONG)),
    ("POST", "/me/password", {"current": PASSWORD, "new": PASSWORD}, "new", (None, 1, "short", LONG)),
)


@pytest.mark.parametrize(
    ("method", "path", "good", "field", "values"), BAD, ids=lambda value: value if isinstance(value, str) else None
)
def test_bad_input_is_a_422_that_names_the_field_and_changes_nothing(
    root: Person, method: str, path: str, good: dict[str, Any], field: str, values: tuple[Any, ...]
) -> None:
    def state() -> list[Any]:
        vcs, users = root.call("GET", "/vcs", 200), root.call("GET", "/users", 200, params={"limit": 500})
        return [vcs, users, root.call("GET", "/me/tokens", 200), audit(root, actor="admin", limit=1)]

    before = state()
    for value in values:
        problem = root.call(method, path, 422, json={**good, field: value})
        named = {error["field"].split(".")[0] for error in problem["errors"]}
        assert named == {field}, (value, problem)
        assert problem["detail"].endswith(".")
    assert state() == before


def test_bodies_that_are_none_and_ids_that_are_none(root: Person) -> None:
    for raw in (b"", b"[]", b'"x"', b"{", b"\xff", b'{"a":' * 10_000):
        for method, path in (("POST", "/users"), ("PATCH", "/users/admin"), ("POST", "/vcs"), ("POST", "/me/tokens")):
            answer = root.ask(method, path, content=raw, headers={"Content-Type": "application/json"})
            assert answer.status_code in (415, 422), (path, raw[:10])
    for path in ("/users/a%20b", "/users/%24ne", "/vcs/a.b", "/vcs/..%2f..", "/me/tokens/x", "/me/tokens/*"):
        method = "DELETE" if "tokens" in path else "PATCH"
        assert root.status(method, path, json={}) in (404, 422), path


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "x"},
        {"cursor": "x"},
        {"cursor": "W10="},
        {"cursor": "WyJcdWQ4MDAiLCJ4Il0="},  # half of a surrogate pair
        {"cursor": "bnVsbA=="},
        {"cursor": "y" * 600},
        {"actor": ""},
        {"actor": "x" * 200},
        {"action": "$ne"},
        {"action": "job.*"},
        {"target": "user"},
        {"target": "user/a b"},
        {"after": "yesterday"},
        {"after": "2026-01-01T00:00:00"},
        {"before": "1e309"},
        {"actor[$ne]": "x"},
        {"address": "$ne"},
        {"address": "1" * 65},
        {"token": ""},
        {"token": "a b"},
        {"colour": "red"},
    ],
    ids=str,
)
def test_bad_filters_of_the_audit_are_a_422(root: Person, query: dict[str, str]) -> None:
    problem = root.call("GET", "/audit", 422, params=query)
    assert problem["errors"][0]["field"] == next(iter(query))
