"""Who is let into a job, by a token, a key or what let them in before; and what is noticed when it is lost."""

from functools import cache

import asyncssh
import pytest

from services.gateway.admission import Admission
from services.gateway.audited import Author
from services.gateway.domain.access import Role, Scope
from services.gateway.fresh import FRESH_S
from shared.contracts.endpoints import Admit, Admitted
from shared.contracts.errors import Forbidden, NotFound, Unauthorized
from shared.ids import new_id
from tests.support.gateway import Gateway, add_job

ROOT = Author("admin")


@cache
def key_of(name: str) -> str:
    line = asyncssh.generate_private_key("ssh-ed25519", comment=name).export_public_key("openssh").decode()
    return " ".join(line.split()[:2])


@pytest.fixture
async def cast(yard: Gateway) -> Gateway:
    """Ada and bob belong to `lab`, vera administers it, eve belongs to another; each has a key."""
    await yard.add_account("ada", ("lab",))
    await yard.add_account("bob", ("lab",))
    await yard.add_account("vera", {"lab": Role.ADMIN})
    await yard.add_account("eve", ("default",))
    for name in ("ada", "bob", "vera", "eve"):
        await yard.people.ssh_keys.add(Author(name), "laptop", key_of(name))
    return yard


async def by(yard: Gateway, job_id: str, **way: str) -> Admitted:
    return await Admission(yard.people.identity, yard.bus, 5.0).admit(Admit(job_id=job_id, **way))


async def api_token(yard: Gateway, name: str, scope: Scope) -> tuple[str, str]:
    token, secret = await yard.people.api_tokens.create(Author(name), "script", scope)
    return token.id, secret


async def test_the_owner_and_administrators_come_in_by_their_keys(cast: Gateway) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    for name in ("ada", "vera"):
        admitted = await by(cast, job.id, public_key=key_of(name))
        assert admitted.user == name
        assert await by(cast, job.id, credential=admitted.credential) == admitted


async def test_others_are_told_no_more_than_they_may_know(cast: Gateway) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    with pytest.raises(Forbidden, match="belongs to ada"):
        await by(cast, job.id, public_key=key_of("bob"))
    for nobody in (job.id, new_id()):
        with pytest.raises(NotFound, match="There is no job"):
            await by(cast, nobody, public_key=key_of("eve"))
        with pytest.raises(Unauthorized):
            await by(cast, nobody, public_key=key_of("mallory"))
        with pytest.raises(Unauthorized):
            await by(cast, nobody, token="nonsense")


async def test_a_token_lets_in_unless_it_may_only_read(cast: Gateway) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    session = cast.parts.tokens.issue("ada")
    admitted = await by(cast, job.id, token=session)
    assert (admitted.user, (await by(cast, job.id, credential=admitted.credential)).user) == ("ada", "ada")
    with pytest.raises(Forbidden):
        await by(cast, job.id, token=cast.parts.tokens.issue("bob"))
    id, acting = await api_token(cast, "ada", Scope.ACT)
    admitted = await by(cast, job.id, token=acting)
    assert (await by(cast, job.id, credential=admitted.credential)).user == "ada"
    await cast.people.api_tokens.revoke(Author("ada"), id)
    with pytest.raises(Unauthorized):
        await by(cast, job.id, credential=admitted.credential)
    _, reading = await api_token(cast, "ada", Scope.READ)
    with pytest.raises(Forbidden, match="only read"):
        await by(cast, job.id, token=reading)


async def test_a_key_that_was_removed_lets_nobody_stay(cast: Gateway) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    admitted = await by(cast, job.id, public_key=key_of("ada"))
    key = (await cast.people.ssh_keys.of("ada"))[0]
    await cast.people.ssh_keys.remove(Author("ada"), key.id)
    for way in ({"credential": admitted.credential}, {"public_key": key_of("ada")}):
        with pytest.raises(Unauthorized):
            await by(cast, job.id, **way)


async def test_of_several_accounts_with_one_key_the_job_s_owner_comes_in(cast: Gateway) -> None:
    for name in ("eve", "bob", "vera", "admin"):
        await cast.people.ssh_keys.add(Author(name), "adas", key_of("ada"))
    of_ada, of_bob, of_eve = (
        add_job(cast, owner=name, vc=vc) for name, vc in (("ada", "lab"), ("bob", "lab"), ("eve", "default"))
    )
    for job in (of_ada, of_bob, of_eve):
        admitted = await by(cast, job.id, public_key=key_of("ada"))
        assert admitted.user == job.owner
        assert await by(cast, job.id, credential=admitted.credential) == admitted
    others = add_job(cast, owner="dan", vc="lab")
    assert (await by(cast, others.id, public_key=key_of("ada"))).user == "vera", "the first of those that may"


async def test_somebody_else_s_public_key_gives_no_more_than_whoever_added_it_has(cast: Gateway) -> None:
    await cast.people.ssh_keys.add(Author("eve"), "adas", key_of("ada"))
    job = add_job(cast, owner="ada", vc="lab")
    with pytest.raises(NotFound):
        await by(cast, job.id, public_key=key_of("eve"))
    assert (await by(cast, job.id, public_key=key_of("ada"))).user == "ada"
    [own] = await cast.people.ssh_keys.of("ada")
    await cast.people.ssh_keys.remove(Author("ada"), own.id)
    with pytest.raises(NotFound):
        await by(cast, job.id, public_key=key_of("ada"))
    await cast.accounts.update("eve", ROOT, {"disabled": True})
    cast.clock.advance(FRESH_S)
    with pytest.raises(Unauthorized):
        await by(cast, job.id, public_key=key_of("ada"))


async def test_a_removed_key_cuts_whom_it_let_in_though_another_account_has_it_too(cast: Gateway) -> None:
    await cast.people.ssh_keys.add(Author("vera"), "adas", key_of("ada"))
    job = add_job(cast, owner="ada", vc="lab")
    admitted = await by(cast, job.id, public_key=key_of("ada"))
    await cast.people.ssh_keys.remove(Author("ada"), (await cast.people.ssh_keys.of("ada"))[0].id)
    with pytest.raises(Unauthorized):
        await by(cast, job.id, credential=admitted.credential)
    assert (await by(cast, job.id, public_key=key_of("ada"))).user == "vera", "who lends her own right"


async def test_an_answer_names_the_key_or_the_api_token_that_let_in(cast: Gateway) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    _, secret = await api_token(cast, "ada", Scope.ACT)
    for way, names in (
        ({"public_key": key_of("ada")}, (None, "laptop")),
        ({"token": secret}, ("script", None)),
        ({"token": cast.parts.tokens.issue("ada")}, (None, None)),
    ):
        first = await by(cast, job.id, **way)
        again = await by(cast, job.id, credential=first.credential)
        assert (first.token, first.key) == (again.token, again.key) == names


@pytest.mark.parametrize("way", ["public_key", "token"])
async def test_a_disabled_account_and_a_lost_membership_are_noticed(cast: Gateway, way: str) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    brings = {"public_key": key_of("ada")} if way == "public_key" else {"token": cast.parts.tokens.issue("ada")}
    credential = (await by(cast, job.id, **brings)).credential
    await cast.accounts.update("ada", ROOT, {}, {"lab": None})
    cast.clock.advance(FRESH_S)
    with pytest.raises(Forbidden, match="do not belong"):
        await by(cast, job.id, credential=credential)
    await cast.accounts.update("ada", ROOT, {}, {"lab": Role.MEMBER})
    cast.clock.advance(FRESH_S)
    assert (await by(cast, job.id, credential=credential)).user == "ada"
    await cast.accounts.update("ada", ROOT, {"disabled": True})
    cast.clock.advance(FRESH_S)
    with pytest.raises(Unauthorized):
        await by(cast, job.id, credential=credential)


async def test_a_sign_in_lets_in_until_it_ends_or_the_password_changes(cast: Gateway) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    first = (await by(cast, job.id, token=cast.parts.tokens.issue("ada"))).credential
    await cast.accounts.update("ada", ROOT, {"password_hash": "another"})
    cast.clock.advance(FRESH_S)
    with pytest.raises(Unauthorized):
        await by(cast, job.id, credential=first)
    second = (await by(cast, job.id, token=cast.parts.tokens.issue("ada", 1))).credential
    cast.clock.advance(cast.parts.tokens.ttl_s)
    with pytest.raises(Unauthorized, match="expired"):
        await by(cast, job.id, credential=second)


async def test_a_sign_in_that_its_owner_has_ended_lets_nobody_in_and_their_next_one_does(cast: Gateway) -> None:
    job = add_job(cast, owner="ada", vc="lab")
    first, second = (cast.parts.tokens.issue("ada") for _ in range(2))
    credentials = [(await by(cast, job.id, token=token)).credential for token in (first, second)]
    await cast.parts.sign_outs.end(await cast.parts.tokens.check(first))
    with pytest.raises(Unauthorized):
        await by(cast, job.id, credential=credentials[0])
    assert (await by(cast, job.id, credential=credentials[1])).user == "ada"


@pytest.mark.parametrize(
    "credential", ["", "key:", "key:none", "token:none", "session:", "session:1:2", "admin", "key:$ne"]
)
async def test_what_is_no_credential_lets_nobody_in(cast: Gateway, credential: str) -> None:
    with pytest.raises(Unauthorized):
        await by(cast, add_job(cast, owner="ada", vc="lab").id, credential=credential)
