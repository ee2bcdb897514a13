"""Users and virtual clusters are removed while others submit: no job may run that belongs to nobody."""

import pytest

from services.gateway.audited import Author
from services.gateway.removal import Removals
from shared.contracts.commands.lists import LIST, JobPage, ListJobs
from shared.contracts.errors import Conflict, Refusal, Unavailable
from tests.support.gateway import Gateway, add_job

ROOT = Author("admin")


def removals(yard: Gateway) -> Removals:
    parts = yard.parts
    return Removals(
        yard.bus,
        parts.accounts,
        parts.vcs,
        parts.api_tokens,
        parts.ssh_keys,
        parts.secrets,
        timeout_s=1.0,
        settle_s=0.0,
    )


class Late:
    """Lists no job at first; what happens then comes between the two looks."""

    def __init__(self, yard: Gateway, refusal: Refusal | None) -> None:
        self.yard = yard
        self.refusal = refusal
        self.looks = 0

    def answer(self, ask: ListJobs) -> JobPage:
        self.looks += 1
        if self.looks == 1:
            return JobPage(items=(), total=0)
        if self.refusal is not None:
            raise self.refusal
        return JobPage(items=(add_job(self.yard, owner="ada"),), total=1)


@pytest.mark.parametrize("refusal", [None, Unavailable("The jobs service does not answer.")])
@pytest.mark.parametrize("disabled", [False, True])
async def test_a_job_that_came_meanwhile_keeps_its_owner_as_they_were(
    yard: Gateway, refusal: Refusal | None, disabled: bool
) -> None:
    await yard.add_account("ada")
    await yard.accounts.update("ada", ROOT, {"disabled": disabled})
    late = Late(yard, refusal)
    yard.bus.answers[LIST.subject] = late.answer
    with pytest.raises(Refusal):
        await removals(yard).user("ada", ROOT)
    account = await yard.accounts.existing("ada")
    assert (late.looks, account.disabled) == (2, disabled)


async def test_without_any_job_only_the_name_stays(yard: Gateway) -> None:
    await yard.add_account("ada")
    await removals(yard).user("ada", ROOT)
    removed = await yard.accounts.get("ada")
    assert removed is not None
    assert (removed.removed, removed.disabled, removed.vcs) == (True, True, {})


async def test_a_refusal_at_the_first_look_changes_nothing(yard: Gateway) -> None:
    await yard.add_account("ada")
    add_job(yard, owner="ada")
    before = await yard.accounts.existing("ada")
    with pytest.raises(Conflict, match="not over"):
        await removals(yard).user("ada", ROOT)
    assert await yard.accounts.existing("ada") == before


async def test_a_job_of_somebody_who_has_just_left_a_virtual_cluster_keeps_it(yard: Gateway) -> None:
    await yard.people.vcs.create("lab", {}, ROOT)
    late = Late(yard, None)
    yard.bus.answers[LIST.subject] = late.answer
    with pytest.raises(Conflict, match="not over"):
        await removals(yard).vc("lab", ROOT)
    await yard.people.vcs.check(["lab"])


async def test_so_does_a_member(yard: Gateway) -> None:
    await yard.people.vcs.create("lab", {}, ROOT)
    await yard.add_account("ada", ("lab",))
    with pytest.raises(Conflict, match="has members: ada"):
        await removals(yard).vc("lab", ROOT)
    await yard.people.vcs.check(["lab"])
