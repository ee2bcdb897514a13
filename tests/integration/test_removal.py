"""Users and virtual clusters that are removed for good: what stands in the way, what goes, and what nobody inherits."""

from collections.abc import Iterator
from typing import Any

import asyncssh
import pytest

from tests.support.people import PASSWORD, Person, add, admin
from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

HELD = {"name": "held", "command": "true", "device_type": "h100", "devices": 1}
"""No node has that, so it waits."""


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform() as running:
        yield running


@pytest.fixture(scope="module")
def root(yard: Platform) -> Person:
    return admin(yard)


def actions(root: Person, target: str) -> list[str]:
    """Of the audit, the oldest first."""
    items: list[dict[str, Any]] = root.call("GET", "/audit", 200, params={"target": target})["items"]
    return [item["action"] for item in items][::-1]


def removed_secrets(root: Person) -> list[str]:
    items: list[dict[str, Any]] = root.call("GET", "/audit", 200, params={"action": "secret.removed"})["items"]
    return [item["target"] for item in items]


def names(root: Person, path: str) -> list[str]:
    return [item["name"] for item in root.call("GET", path, 200)["items"]]


def test_a_user_goes_with_secrets_and_tokens_and_nobody_inherits_the_jobs(yard: Platform, root: Person) -> None:
    gone = add(yard, "gone")
    job = gone.call("POST", "/jobs", 201, json=HELD)["id"]
    gone.call("PUT", "/me/secrets/KEY", 201, json={"value": "canary"})
    token = gone.call("POST", "/me/tokens", 201, json={"name": "nightly", "scope": "act"})
    public = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    gone.call("POST", "/me/keys", 201, json={"name": "laptop", "public_key": public})
    refused = root.call("DELETE", "/users/gone", 409)
    assert refused["detail"] == f"gone has a job that is not over, for instance {job}. Kill them, or wait."
    assert gone.status("GET", "/me") == 200, "the refusal has changed nothing"
    gone.call("POST", f"/jobs/{job}/kill", 202)
    yard.wait(job)
    assert root.status("DELETE", "/users/gone") == 204
    assert "gone" not in names(root, "/users")
    wait_until(lambda: gone.status("GET", "/me") == 401, "the sign-in ends")
    bearer = {"Authorization": f"Bearer {token['token']}"}
    assert yard.http.get("/api/v1/me", headers=bearer).status_code == 401
    credentials = {"username": "gone", "password": PASSWORD}
    assert yard.post("/api/v1/auth/token", json=credentials).status_code == 401
    again = root.call("POST", "/users", 409, json={"username": "gone", "password": PASSWORD})
    assert "whose jobs still bear the name" in again["detail"]
    assert root.call("GET", f"/jobs/{job}", 200)["owner"] == "gone", "its history stays"
    for method, body in (("PATCH", {"disabled": False}), ("PATCH", {"password": PASSWORD}), ("DELETE", None)):
        root.call(method, "/users/gone", 404, json=body)
    assert actions(root, "user/gone") == ["user.created", "user.changed", "user.removed"]
    assert "secret/user:gone/KEY" in removed_secrets(root)
    assert actions(root, f"token/{token['id']}") == ["token.created", "token.revoked"]
    root.call("POST", "/me/keys", 201, json={"name": "laptop", "public_key": public})


def test_only_administrators_remove_users_and_nobody_removes_oneself(yard: Platform, root: Person) -> None:
    bystander = add(yard, "bystander")
    assert bystander.status("DELETE", "/users/admin") == 403
    assert bystander.status("DELETE", "/users/bystander") == 403
    assert "can't remove yourself" in root.call("DELETE", "/users/admin", 409)["detail"]
    for strange in ("nobody", "a..b", "jobyard"):
        assert root.status("DELETE", f"/users/{strange}") == 404
    for wrong in ("$ne", "a%20b", "-", "x" * 65):
        assert root.status("DELETE", f"/users/{wrong}") == 422


def test_a_virtual_cluster_goes_once_it_is_empty_and_its_name_stays_taken(yard: Platform, root: Person) -> None:
    root.call("POST", "/vcs", 201, json={"name": "lab", "max_priority": 7})
    member = add(yard, "member", {"lab": "admin"})
    job = member.call("POST", "/jobs", 201, json={**HELD, "vc": "lab", "priority": 7})["id"]
    member.call("PUT", "/vcs/lab/secrets/KEY", 201, json={"value": "canary"})
    assert "has members: member." in root.call("DELETE", "/vcs/lab", 409)["detail"]
    root.call("PATCH", "/users/member", 200, json={"vcs": {"lab": None, "default": "member"}})
    assert job in root.call("DELETE", "/vcs/lab", 409)["detail"]
    root.call("POST", f"/jobs/{job}/kill", 202)
    yard.wait(job)
    assert member.status("DELETE", "/vcs/lab") == 403
    assert root.status("DELETE", "/vcs/lab") == 204
    assert "lab" not in names(root, "/vcs")
    assert "whose jobs still bear the name" in root.call("POST", "/vcs", 409, json={"name": "lab"})["detail"]
    root.call("PATCH", "/users/member", 422, json={"vcs": {"lab": "member"}})
    root.call("PATCH", "/vcs/lab", 404, json={"open": False})
    root.call("DELETE", "/vcs/lab", 404)
    assert root.call("GET", f"/jobs/{job}", 200)["vc"] == "lab"
    assert actions(root, "vc/lab") == ["vc.created", "vc.removed"]
    assert "secret/vc:lab/KEY" in removed_secrets(root)


def test_the_virtual_cluster_that_new_users_belong_to_stays(root: Person) -> None:
    assert "is needed" in root.call("DELETE", "/vcs/default", 409)["detail"]
    assert "default" in names(root, "/vcs")


def test_pages_of_users_pass_over_removed_ones(yard: Platform, root: Person) -> None:
    for number in range(4):
        add(yard, f"paged-{number}")
    for number in (0, 1):
        assert root.status("DELETE", f"/users/paged-{number}") == 204
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = root.call("GET", "/users", 200, params={"limit": 1, **({"cursor": cursor} if cursor else {})})
        found += [user["name"] for user in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [name for name in found if name.startswith("paged")] == ["paged-2", "paged-3"]
