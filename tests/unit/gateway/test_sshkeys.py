"""Public SSH keys: what is taken, what is refused with what to do, and whose a key is."""

from functools import cache

import asyncssh
import pytest

from tests.support.gateway import Gateway

ID = "01JZ0000000000000000000000"


@cache
def public_key(algorithm: str = "ssh-ed25519", number: int = 0, **options: int) -> str:
    """`<algorithm> <base64> <comment>`; another number, another key."""
    key = asyncssh.generate_private_key(algorithm, comment="somebody@laptop", **options)
    return key.export_public_key("openssh").decode().strip()


def bare(line: str) -> str:
    return " ".join(line.split()[:2])


async def add(
    yard: Gateway, name: str = "laptop", key: str | None = None, who: str = "admin"
) -> tuple[int, dict[str, object]]:
    body = {"name": name, "public_key": public_key() if key is None else key}
    answer = await yard.call("POST", "/me/keys", who, json=body)
    return answer.status_code, answer.json()


async def names(yard: Gateway, who: str = "admin") -> list[str]:
    return [key["name"] for key in (await yard.call("GET", "/me/keys", who)).json()["items"]]


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [("ssh-ed25519", {}), ("ecdsa-sha2-nistp256", {}), ("ecdsa-sha2-nistp521", {}), ("ssh-rsa", {"key_size": 2048})],
)
async def test_a_key_is_kept_without_what_stands_around_it(
    yard: Gateway, algorithm: str, options: dict[str, int]
) -> None:
    line = public_key(algorithm, **options)
    status, key = await add(yard, key=f'from="10.0.0.0/8",command="echo \\"ssh-rsa AAAA x\\"" {line}\n')
    assert (status, key["public_key"]) == (201, bare(line))
    assert key["fingerprint"] == asyncssh.import_public_key(line).get_fingerprint()
    assert (await yard.call("GET", "/me/keys")).json()["items"] == [key]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----", "private key"),
        ("hello", "no public SSH key"),
        ("ssh-ed25519", "no public SSH key"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", "damaged"),
        ("ssh-ed25519 AAAA\nssh-ed25519 AAAA", "one line"),
        ("ssh-ed25519\x00 AAAAC3NzaC1lZDI1NTE5AAAA", "no public SSH key"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACBAP", "DSA"),
        ("ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQ", "certificate"),
        ("ssh-xmss@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQ", "not taken"),
    ],
)
async def test_what_is_no_key_is_refused_with_what_to_do(yard: Gateway, text: str, says: str) -> None:
    status, problem = await add(yard, key=text)
    assert (status, problem["errors"][0]["field"]) == (422, "public_key")  # type: ignore[index]
    assert says in str(problem["detail"])
    assert await names(yard) == []


async def test_a_key_of_another_kind_than_it_says_is_refused(yard: Gateway) -> None:
    status, problem = await add(yard, key="ssh-rsa " + public_key().split()[1])
    assert status == 422
    assert "damaged" in str(problem["detail"])


async def test_a_short_rsa_key_is_refused(yard: Gateway) -> None:
    status, problem = await add(yard, key=public_key("ssh-rsa", key_size=1024))
    assert status == 422
    assert "1024 bits" in str(problem["detail"])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "a"},
        {"name": "a b", "public_key": "x"},
        {"name": "a", "public_key": 1},
        {"name": {"$ne": None}, "public_key": "x"},
        {"name": "a", "public_key": {"$ne": None}},
        {"name": "a", "public_key": "ssh-ed25519 " + "A" * 20_000},
        {"name": "a", "public_key": "x", "owner": "eve"},
    ],
)
async def test_a_malformed_request_adds_nothing(yard: Gateway, body: dict[str, object]) -> None:
    assert (await yard.call("POST", "/me/keys", json=body)).status_code == 422
    assert await names(yard) == []


async def test_whoever_adds_somebody_else_s_public_key_keeps_nobody_out(yard: Gateway) -> None:
    for name in ("ada", "mallory"):
        await yard.add_account(name)
    assert (await add(yard, who="mallory"))[0] == 201
    assert (await add(yard, who="ada"))[0] == 201
    assert (await names(yard, "ada"), await names(yard, "mallory")) == (["laptop"], ["laptop"])


async def test_an_account_has_a_key_and_a_name_once_until_it_is_removed(yard: Gateway) -> None:
    await yard.add_account("ada")
    await yard.add_account("bob")
    status, key = await add(yard, who="ada")
    assert status == 201
    assert "already, as 'laptop'" in str((await add(yard, "other", who="ada"))[1]["detail"])
    assert "choose another name" in str((await add(yard, key=public_key(number=1), who="ada"))[1]["detail"])
    assert (await yard.call("DELETE", f"/me/keys/{key['id']}", "bob")).status_code == 404
    assert await names(yard, "ada") == ["laptop"]
    assert (await yard.call("DELETE", f"/me/keys/{key['id']}", "ada")).status_code == 204
    assert (await yard.call("DELETE", f"/me/keys/{key['id']}", "ada")).status_code == 404
    assert (await add(yard, who="ada"))[0] == 201
    assert await names(yard, "ada") == ["laptop"]


async def test_there_is_a_most_that_one_account_may_have(yard: Gateway) -> None:
    for number in range(50):
        assert (await add(yard, f"key-{number}", public_key(number=number)))[0] == 201
    status, problem = await add(yard, "one-more", public_key(number=50))
    assert status == 409
    assert "50 SSH keys" in str(problem["detail"])


async def test_keys_are_in_the_audit(yard: Gateway) -> None:
    _, key = await add(yard)
    await yard.call("DELETE", f"/me/keys/{key['id']}")
    entries = (await yard.call("GET", "/audit", params={"target": f"key/{key['id']}"})).json()["items"]
    assert [entry["action"] for entry in entries] == ["key.removed", "key.added"]
    assert {entry["details"]["fingerprint"] for entry in entries} == {key["fingerprint"]}


async def test_an_api_token_neither_adds_nor_removes_a_key(yard: Gateway) -> None:
    _, key = await add(yard)
    made = (await yard.call("POST", "/me/tokens", json={"name": "t", "scope": "act"})).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    body = {"name": "b", "public_key": public_key(number=1)}
    assert (await yard.http.post("/api/v1/me/keys", json=body, headers=bearer)).status_code == 403
    assert (await yard.http.delete(f"/api/v1/me/keys/{key['id']}", headers=bearer)).status_code == 403
    assert await names(yard) == ["laptop"]


async def test_without_a_token_there_are_no_keys(yard: Gateway) -> None:
    for method, path in (("GET", "/me/keys"), ("POST", "/me/keys"), ("DELETE", f"/me/keys/{ID}")):
        assert (await yard.http.request(method, f"/api/v1{path}")).status_code == 401
