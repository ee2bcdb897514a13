"""Secrets at rest, and their one way out: a value is revealed for a job that names it and is not over."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.admission import Admission
from services.gateway.audited import BY_ITSELF
from services.gateway.handlers import REPLY_BYTES, Handlers
from services.gateway.keyfile import KeyFile
from services.gateway.registries.logins import Logins
from services.gateway.registries.registry import Login
from services.gateway.sealing import KeyRing, Sealed, Unsealable
from services.gateway.secrets import Secrets
from services.gateway.settings import GatewaySettings
from shared.contracts.commands.secrets import FindSecrets, RevealLogin, RevealSecrets
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import Forbidden, NotFound, Unavailable
from shared.contracts.job import Job, JobRequest, JobStatus, RunImage
from shared.ids import new_id
from shared.secret_keys import new_key
from tests.support.gateway import Gateway, gateway, stored_job
from tests.support.secrets import CANARY, LAB, MINE, put

NODE = "node-1"


def job_with(yard: Gateway, owner: str = "admin", vc: str = "default", **changes: Any) -> Job:
    """A stored job that names the secret `token`, or those that are given."""
    secrets = changes.pop("secrets", {"TOKEN": "token"})
    request = JobRequest(name="j", command="true", vc=vc, secrets=secrets)
    job = stored_job(NewJob(id=new_id(), owner=owner, request=request), **({"status": JobStatus.SCHEDULING} | changes))
    yard.bus.jobs[job.id] = job
    yard.bus.places[job.id] = NODE
    return job


def handlers(yard: Gateway) -> Handlers:
    admission = Admission(yard.people.identity, yard.bus, 5.0)
    return Handlers(yard.accounts, yard.parts.audit, yard.bus, yard.parts.secrets, admission, yard.parts.vcs, 5.0)


async def revealed(yard: Gateway, job: Job, *names: str) -> dict[str, str]:
    return (await handlers(yard).reveal(RevealSecrets(job_id=job.id, names=names), NODE)).values


async def again(yard: Gateway, **settings: Any) -> Secrets:
    """The secrets as the next start of a gateway finds them."""
    secrets = Secrets(yard.store, yard.clock, yard.parts.audit, KeyFile(GatewaySettings(**settings), yard.data))
    await secrets.start()
    return secrets


# --- out


async def test_values_are_for_jobs_that_name_them(yard: Gateway) -> None:
    await put(yard)
    await put(yard, "other")
    assert await revealed(yard, job_with(yard), "token") == {"token": CANARY}
    with pytest.raises(Forbidden, match="does not name the secret 'other'"):
        await revealed(yard, job_with(yard), "token", "other")
    with pytest.raises(NotFound):
        await handlers(yard).reveal(RevealSecrets(job_id=new_id(), names=("token",)), NODE)


@pytest.mark.parametrize("status", JobStatus)
async def test_only_the_node_that_a_job_is_to_run_on_gets_its_values_and_only_then(
    yard: Gateway, status: JobStatus
) -> None:
    await put(yard)
    job = job_with(yard, status=status)
    ask = RevealSecrets(job_id=job.id, names=("token",))
    starting = status in (JobStatus.SCHEDULING, JobStatus.RUNNING)
    for node, place in ((NODE, NODE), ("node-2", NODE), (NODE, "node-2"), (NODE, None)):
        yard.bus.places.pop(job.id, None)
        if place is not None:
            yard.bus.places[job.id] = place
        if starting and node == place:
            assert (await handlers(yard).reveal(ask, node)).values == {"token": CANARY}
        else:
            with pytest.raises(Forbidden, match=f"has no place on the node {node} now"):
                await handlers(yard).reveal(ask, node)


async def test_of_secrets_in_a_text_only_those_that_stand_there_are_told(yard: Gateway) -> None:
    await yard.add_account("ada", vcs=("default", "lab"))
    await put(yard, value="of the lab", path=LAB)
    await put(yard, value="of ada\nand more", who="ada")
    await put(yard, "other", value="named by nobody", who="ada")
    job = job_with(yard, "ada", "lab", status=JobStatus.FINISHED)
    for texts, found in (
        (("nothing", ""), ()),
        (("it is of ada.", "x"), ("of ada",)),
        (("of the lab, and more", "named by nobody"), ("and more", "of the lab")),
    ):
        answer = await handlers(yard).find_secrets(FindSecrets(job_id=job.id, texts=texts))
        assert answer.found == found
    plain = job_with(yard, "ada", "lab", secrets={})
    assert (await handlers(yard).find_secrets(FindSecrets(job_id=plain.id, texts=("of ada",)))).found == ()


async def test_a_value_is_of_the_jobs_owner_or_its_cluster_and_of_nobody_else(yard: Gateway) -> None:
    await yard.add_account("ada", vcs=("default", "lab"))
    await put(yard, value="of admin")
    with pytest.raises(NotFound, match="neither of ada nor of the virtual cluster 'lab'"):
        await revealed(yard, job_with(yard, "ada", "lab"), "token")
    await put(yard, value="of the lab", path=LAB)
    assert await revealed(yard, job_with(yard, "ada", "lab"), "token") == {"token": "of the lab"}
    await put(yard, value="of ada", who="ada")
    assert await revealed(yard, job_with(yard, "ada", "lab"), "token") == {"token": "of ada"}
    await yard.call("DELETE", f"{MINE}/token", "ada")
    with pytest.raises(NotFound, match="There is no secret 'token'"):
        await revealed(yard, job_with(yard, "ada"), "token")


async def test_whoever_has_left_a_cluster_gets_none_of_its_secrets_and_keeps_the_own(yard: Gateway) -> None:
    await yard.add_account("ada", vcs=("default", "lab"))
    await put(yard, value="of the lab", path=LAB)
    job = job_with(yard, "ada", "lab")
    assert await revealed(yard, job, "token") == {"token": "of the lab"}
    await yard.accounts.update("ada", BY_ITSELF, {}, {"lab": None})
    with pytest.raises(NotFound, match="does not belong to the virtual cluster 'lab' any more"):
        await revealed(yard, job, "token")
    await put(yard, value="of ada", who="ada")
    assert await revealed(yard, job, "token") == {"token": "of ada"}


async def test_an_account_that_is_disabled_or_unknown_gets_no_secrets(yard: Gateway) -> None:
    await yard.add_account("ada", vcs=("default", "lab"))
    await put(yard, value="of the lab", path=LAB)
    await put(yard, "own", who="ada")
    job = job_with(yard, "ada", "lab", secrets={"TOKEN": "token", "OWN": "own"})
    await yard.accounts.update("ada", BY_ITSELF, {"disabled": True})
    for asked in (job, job_with(yard, "nobody", "lab")):
        with pytest.raises(Forbidden, match="does not count any more"):
            await revealed(yard, asked, "token")
    with pytest.raises(Forbidden, match="does not count any more"):
        await revealed(yard, job, "own")


async def test_the_longest_value_comes_back_whole(yard: Gateway) -> None:
    value = "\x01ä\n" * (65_536 // 4)
    await put(yard, value=value)
    assert await revealed(yard, job_with(yard), "token") == {"token": value}


async def test_many_long_values_come_in_several_answers(yard: Gateway) -> None:
    names = tuple(f"s{number}" for number in range(10))
    for name in names:
        await put(yard, name, "x" * 60_000)
    job = job_with(yard, secrets={name.upper(): name for name in names})
    first = await revealed(yard, job, *names)
    assert 1 < len(first) < len(names)
    assert len(json.dumps(first)) < REPLY_BYTES + 1000
    rest = await revealed(yard, job, *(name for name in names if name not in first))
    assert {*first, *rest} == set(names)


# --- what images are pulled with


async def pulled_by(yard: Gateway, owner: str, vc: str = "lab", login: str | None = "quay.io") -> Job:
    """A starting job whose image was found to be pulled from quay.io with its VC's credentials."""
    job = job_with(yard, owner, vc, secrets={}, run_image=RunImage(reference="quay.io/x:1", login=login))
    await Logins(yard.parts.secrets).put("lab", "quay.io", Login("robot", CANARY), BY_ITSELF)
    return job


async def test_credentials_go_to_the_node_of_a_job_that_is_pulled_with_them_and_nowhere_else(yard: Gateway) -> None:
    await yard.add_account("ada", vcs=("default", "lab"))
    job = await pulled_by(yard, "ada")
    ask = RevealLogin(job_id=job.id)
    answer = await handlers(yard).reveal_login(ask, NODE)
    assert (answer.registry, answer.username, answer.password) == ("quay.io", "robot", CANARY)
    assert CANARY not in repr(answer)
    with pytest.raises(Forbidden, match="has no place on the node node-2"):
        await handlers(yard).reveal_login(ask, "node-2")
    for stranger in (await pulled_by(yard, "ada", login=None), job_with(yard, "ada", "lab")):
        with pytest.raises(Forbidden, match="without credentials"):
            await handlers(yard).reveal_login(RevealLogin(job_id=stranger.id), NODE)
    other = await pulled_by(yard, "ada", "default")
    with pytest.raises(NotFound, match="'default' has no credentials for the registry"):
        await handlers(yard).reveal_login(RevealLogin(job_id=other.id), NODE)
    await yard.accounts.update("ada", BY_ITSELF, {}, {"lab": None})
    with pytest.raises(Forbidden, match="does not belong to the virtual cluster 'lab' any more"):
        await handlers(yard).reveal_login(ask, NODE)


# --- at rest


async def test_no_file_holds_the_value_and_the_key_is_its_owners_alone(yard: Gateway) -> None:
    await put(yard)
    key = yard.data / "secret-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(base64.b64decode(key.read_text())) == 32
    stored = b"".join(path.read_bytes() for path in yard.data.rglob("*") if path.is_file())
    assert b"user:admin/token" in stored
    assert CANARY.encode() not in stored
    assert base64.b64encode(CANARY.encode()) not in stored


async def test_a_new_key_seals_everything_anew_at_the_next_start(yard: Gateway) -> None:
    await put(yard)
    file = yard.data / "secret-key"
    old = file.read_text()
    file.write_text(new_key() + "\n" + old)
    assert await (await again(yard)).values("admin", "default", ["token"], member=True) == {"token": CANARY}
    file.write_text(file.read_text().splitlines()[0])  # the old key has gone
    assert await (await again(yard)).values("admin", "default", ["token"], member=True) == {"token": CANARY}
    file.write_text(old)
    with pytest.raises(Unavailable):
        await (await again(yard)).values("admin", "default", ["token"], member=True)


async def test_a_gateway_without_the_key_says_so_and_makes_no_other(yard: Gateway) -> None:
    await put(yard)
    (yard.data / "secret-key").unlink()
    secrets = await again(yard)
    with pytest.raises(Unavailable, match="does not have the key"):
        await secrets.values("admin", "default", ["token"], member=True)
    with pytest.raises(Unavailable, match="does not have the key"):
        await secrets.put("user:admin", "new", "x", BY_ITSELF)
    assert not (yard.data / "secret-key").exists()
    assert [secret.name for secret in await secrets.names("user:admin")] == ["token"]


async def test_another_replica_with_a_key_of_its_own_keeps_no_secrets(yard: Gateway, tmp_path: Path) -> None:
    await put(yard)
    for keys in (
        KeyFile(GatewaySettings(), tmp_path / "other"),
        KeyFile(GatewaySettings(secret_key=new_key()), tmp_path),
    ):
        other = Secrets(yard.store, yard.clock, yard.parts.audit, keys)
        await other.start()
        with pytest.raises(Unavailable, match="does not have the key"):
            await other.put("user:admin", "new", "x", BY_ITSELF)
    same = Secrets(yard.store, yard.clock, yard.parts.audit, KeyFile(GatewaySettings(), yard.data))
    await same.start()
    assert await same.values("admin", "default", ["token"], member=True) == {"token": CANARY}


async def test_keys_come_from_a_variable_or_a_named_file(tmp_path: Path) -> None:
    key = new_key()
    async with gateway(tmp_path, secret_key=key) as yard:
        await put(yard)
        assert not (tmp_path / "secret-key").exists()
        named = tmp_path / "elsewhere"
        named.write_text(key)
        secrets = await again(yard, secret_key_file=named)
        assert await secrets.values("admin", "default", ["token"], member=True) == {"token": CANARY}


def test_the_settings_do_not_show_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = new_key()
    monkeypatch.setenv("JOBYARD_GATEWAY_SECRET_KEY", key)
    settings = GatewaySettings()
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == key
    assert key not in repr(settings)


@pytest.mark.parametrize("text", ["", "short!", base64.b64encode(b"k" * 31).decode(), "ä" * 44])
async def test_what_is_no_key_is_said_without_showing_it(yard: Gateway, text: str) -> None:
    (yard.data / "secret-key").write_text(text)
    with pytest.raises(Unavailable) as caught:
        await (await again(yard)).put("user:admin", "x", "y", BY_ITSELF)
    assert "openssl rand -base64 32" in caught.value.message
    assert text == "" or text not in caught.value.message


@given(text=st.text(max_size=100), about=st.text(max_size=20))
def test_what_is_sealed_opens_for_the_same_and_nothing_else(text: str, about: str) -> None:
    ring, other = KeyRing([b"k" * 32]), KeyRing([b"o" * 32])
    sealed = ring.seal(text, about)
    assert ring.open(sealed, about) == text
    assert KeyRing([b"n" * 32, b"k" * 32]).open(sealed, about) == text
    assert ring.seal(text, about).text != sealed.text
    raw = bytearray(base64.b64decode(sealed.text))
    raw[-1] ^= 1
    changed = Sealed(sealed.key_id, base64.b64encode(raw).decode())
    for keys, one, to in ((ring, sealed, about + "x"), (other, sealed, about), (ring, changed, about)):
        with pytest.raises(Unsealable):
            keys.open(one, to)
