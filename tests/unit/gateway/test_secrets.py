"""Secrets over HTTP: who may keep them, what is said of them, and how jobs name them."""

from typing import Any

import pytest

from services.gateway.audited import BY_ITSELF
from services.gateway.domain.access import Role
from services.gateway.secrets import MOST
from shared.contracts.commands.submission import NewJob
from shared.contracts.job import JobRequest
from shared.ids import new_id
from tests.support.gateway import Gateway, stored_job
from tests.support.secrets import CANARY, LAB, MINE, put

BODY = {"name": "hello", "command": "echo hi"}


# --- keeping them


async def test_a_secret_is_set_replaced_listed_and_removed_and_its_value_never_shown(yard: Gateway) -> None:
    new = await yard.call("PUT", f"{MINE}/token", json={"value": CANARY})
    assert (new.status_code, new.json()["name"], new.json()["updated_by"]) == (201, "token", "admin")
    yard.clock.advance(60)
    again = await yard.call("PUT", f"{MINE}/token", json={"value": f"{CANARY}-2"})
    assert (again.status_code, again.json()["created_at"]) == (200, new.json()["created_at"])
    assert again.json()["updated_at"] > again.json()["created_at"]
    await put(yard, "another")
    listed = await yard.call("GET", MINE)
    assert [item["name"] for item in listed.json()["items"]] == ["another", "token"]
    assert set(listed.json()["items"][0]) == {"name", "created_at", "updated_at", "updated_by"}
    one = await yard.call("GET", f"{MINE}/token")
    assert one.json() == again.json()
    for answer in (new, again, listed, one):
        assert CANARY not in answer.text
    gone = await yard.call("DELETE", f"{MINE}/token")
    assert (gone.status_code, gone.content) == (204, b"")
    for method in ("GET", "DELETE"):
        assert (await yard.call(method, f"{MINE}/token")).status_code == 404


async def test_everybody_has_secrets_of_their_own(yard: Gateway) -> None:
    await yard.add_account("ada")
    await put(yard)
    assert (await yard.call("GET", MINE, "ada")).json() == {"items": []}
    assert (await yard.call("DELETE", f"{MINE}/token", "ada")).status_code == 404
    assert (await yard.call("GET", f"{MINE}/token")).status_code == 200


async def test_a_clusters_secrets_are_its_administrators_to_change_and_its_members_to_name(yard: Gateway) -> None:
    await yard.add_account("ada", vcs=("lab",))
    await yard.add_account("eve", vcs=("default",))
    await put(yard, path=LAB)
    assert [item["name"] for item in (await yard.call("GET", LAB, "ada")).json()["items"]] == ["token"]
    for method in ("PUT", "DELETE"):
        body: dict[str, Any] = {"json": {"value": "x"}} if method == "PUT" else {}
        assert (await yard.call(method, f"{LAB}/token", "ada", **body)).status_code == 403
        assert (await yard.call(method, f"{LAB}/token", "eve", **body)).status_code == 404
    assert (await yard.call("GET", LAB, "eve")).status_code == 404
    assert (await yard.call("GET", f"{LAB}/token", "eve")).status_code == 404
    job = {**BODY, "vc": "lab", "env": {"TOKEN": {"secret": "token"}}}
    assert (await yard.call("POST", "/jobs", "ada", json=job)).status_code == 201


async def test_an_administrator_of_the_cluster_keeps_its_secrets(yard: Gateway) -> None:
    await yard.add_account("ada", vcs={"lab": Role.ADMIN, "default": Role.MEMBER})
    await put(yard, path=LAB, who="ada")
    assert (await yard.call("GET", f"{LAB}/token", "ada")).json()["updated_by"] == "ada"
    assert (await yard.call("DELETE", f"{LAB}/token", "ada")).status_code == 204
    assert (await yard.call("PUT", "/vcs/default/secrets/token", "ada", json={"value": "x"})).status_code == 403


async def test_every_change_is_in_the_audit_and_no_value_is(yard: Gateway) -> None:
    await put(yard)
    await put(yard, value=f"{CANARY}-2")
    await yard.call("DELETE", f"{MINE}/token")
    await put(yard)
    answer = await yard.call("GET", "/audit", params={"limit": 500})
    entries = [entry for entry in answer.json()["items"] if entry["target"].startswith("secret/")]
    assert {entry["target"] for entry in entries} == {"secret/user:admin/token"}
    assert sorted(entry["action"] for entry in entries) == ["secret.removed", *["secret.set"] * 3]
    assert {entry["actor"] for entry in entries} == {"admin"}
    assert CANARY not in answer.text


async def test_no_token_no_secrets(yard: Gateway) -> None:
    for method, path in (("GET", MINE), ("PUT", f"{MINE}/x"), ("DELETE", f"{LAB}/x"), ("GET", LAB)):
        assert (await yard.http.request(method, f"/api/v1{path}")).status_code == 401


@pytest.mark.parametrize("name", ["a b", "-x", ".x", "x" * 65, "a%2Fb", "a%0Ab", "ä", "%00", "$ne", "a:b"])
async def test_odd_names_are_refused(yard: Gateway, name: str) -> None:
    answer = await yard.call("PUT", f"{MINE}/{name}", json={"value": "value"})
    assert answer.status_code in (404, 422), name
    assert (await yard.call("GET", MINE)).json() == {"items": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"value": ""},
        {"value": None},
        {"value": 7},
        {"value": {"$ne": None}},
        {"value": ["x"]},
        {"value": "a\0b"},
        {"value": "x" * 65_537},
        {"value": "ä" * 32_769},
        {"value": "x", "more": 1},
    ],
)
async def test_odd_values_are_refused_without_being_repeated(yard: Gateway, body: Any) -> None:
    answer = await yard.call("PUT", f"{MINE}/token", json=body)
    assert answer.status_code == 422
    assert len(answer.text) < 1000
    assert (await yard.call("GET", MINE)).json() == {"items": []}


async def test_bodies_that_are_none(yard: Gateway) -> None:
    path, json = f"{MINE}/token", {"Content-Type": "application/json"}
    plain = await yard.call("PUT", path, content=b"secret", headers={"Content-Type": "text/plain"})
    broken = await yard.call("PUT", path, content=b'{"value": "canary', headers=json)
    half = await yard.call("PUT", path, content=b'{"value": "\\ud800"}', headers=json)
    double = await yard.call("PUT", path, content=b'{"value": "a", "value": "b"}', headers=json)
    assert [answer.status_code for answer in (plain, broken, half, double)] == [415, 422, 422, 422]
    assert "canary" not in broken.text


async def test_one_holder_has_so_many_secrets_and_no_more(yard: Gateway) -> None:
    for number in range(MOST):
        await yard.parts.secrets.put("user:admin", f"s{number}", "value", BY_ITSELF)
    assert (await yard.call("PUT", f"{MINE}/more", json={"value": "x"})).status_code == 409
    assert (await yard.call("PUT", f"{MINE}/s1", json={"value": "x"})).status_code == 200
    assert (await yard.call("PUT", f"{LAB}/more", json={"value": "x"})).status_code == 201
    assert len((await yard.call("GET", MINE)).json()["items"]) == MOST


# --- naming them in jobs


async def test_a_job_names_secrets_beside_texts_and_is_shown_as_it_was_written(yard: Gateway) -> None:
    await put(yard)
    env = {"SEED": "7", "TOKEN": {"secret": "token"}}
    answer = await yard.call("POST", "/jobs", json=BODY | {"env": env})
    assert (answer.status_code, answer.json()["env"]) == (201, env)
    assert "secrets" not in answer.json()
    asked = yard.bus.asked[-1].jobs[0].request
    assert (asked.env, asked.secrets) == ({"SEED": "7"}, {"TOKEN": "token"})
    assert (await yard.call("GET", f"/jobs/{answer.json()['id']}")).json()["env"] == env
    assert (await yard.call("GET", "/jobs")).json()["items"][0]["env"] == env


async def test_a_batch_names_secrets_too(yard: Gateway) -> None:
    await put(yard)
    jobs = [BODY | {"env": {"A": {"secret": name}}} for name in ("token", "gone")]
    outcomes = (await yard.call("POST", "/jobs:submit-batch", json={"jobs": jobs})).json()["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == [201, 422]
    assert "'gone'" in outcomes[1]["problem"]["detail"]


async def test_others_of_the_cluster_see_neither_texts_nor_the_names_of_secrets(yard: Gateway) -> None:
    await yard.add_account("ada")
    request = JobRequest(name="j", command="true", env={"SEED": "7"}, secrets={"TOKEN": "token"})
    job = stored_job(NewJob(id=new_id(), owner="admin", request=request))
    yard.bus.jobs[job.id] = job
    assert (await yard.call("GET", f"/jobs/{job.id}", "ada")).json()["env"] == {"SEED": "***", "TOKEN": "***"}


async def test_a_secret_that_is_not_there_is_said_at_once(yard: Gateway) -> None:
    await yard.add_account("ada")
    await put(yard)
    answer = await yard.call("POST", "/jobs", "ada", json=BODY | {"env": {"TOKEN": {"secret": "token"}}})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "env.TOKEN"
    assert error["message"] == (
        "There is no secret 'token', neither of ada nor of the virtual cluster 'default'. "
        "Make it with `jobyard secret set token`, or submit without it."
    )
    assert yard.bus.asked == []


@pytest.mark.parametrize(
    ("env", "field"),
    [
        ({"A": {"secret": "a b"}}, "env.A.secret"),
        ({"A": {"secret": 7}}, "env.A.secret"),
        ({"A": {"secret": {"$ne": None}}}, "env.A.secret"),
        ({"A": {}}, "env.A.secret"),
        ({"A": {"secret": "token", "more": 1}}, "env.A.more"),
        ({"A": ["secret"]}, "env.A"),
        ({"A": None}, "env.A"),
        ({"A": 7}, "env.A"),
        ({"a b": {"secret": "token"}}, "env.a b"),
        ({"JOBYARD_X": {"secret": "token"}}, "env"),
        ({f"A{number}": {"secret": "token"} for number in range(65)}, "env"),
    ],
)
async def test_odd_references_are_refused_field_by_field(yard: Gateway, env: Any, field: str) -> None:
    await put(yard)
    answer = await yard.call("POST", "/jobs", json=BODY | {"env": env})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert yard.bus.asked == []


async def test_there_is_one_way_to_name_a_secret(yard: Gateway) -> None:
    await put(yard)
    answer = await yard.call("POST", "/jobs", json=BODY | {"secrets": {"A": "token"}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "secrets")
