"""A change and its audit entry are one write: whatever is killed in between, the entry comes, once."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.gateway.accounts import ACCOUNTS, AccountDocument
from services.gateway.audit import Wanted
from services.gateway.audited import BY_ITSELF, Author
from services.gateway.domain.access import Role
from shared.contracts.errors import Conflict
from tests.support.gateway import START, Gateway

ROOT = Author("root", "request-1", "10.0.0.1")


async def entries(yard: Gateway, target: str) -> list[tuple[str, dict[str, Any]]]:
    found, _ = await yard.people.audit.page(Wanted(target=target), 100, None)
    return [(entry.actor, entry.details) for entry in found]


async def stored_without_entry(yard: Gateway, name: str, **fields: Any) -> AccountDocument:
    """What a process leaves behind that is killed between the write and the entry."""
    change = ROOT.change(datetime(2026, 1, 1, tzinfo=UTC), "user.created", after={"email": None})
    account = AccountDocument(id=name, created_at=START, change=change, **fields)
    await yard.store.collection(ACCOUNTS).insert(account)
    return account


async def test_what_was_left_behind_is_entered_by_the_sweep_once(yard: Gateway) -> None:
    await stored_without_entry(yard, "ada")
    assert await entries(yard, "user/ada") == []
    for _ in range(2):
        await yard.accounts.documents.sweep()
        assert await entries(yard, "user/ada") == [("root", {"after": {"email": None}})]


async def test_the_next_change_does_not_overtake_what_was_left_behind(yard: Gateway) -> None:
    await stored_without_entry(yard, "ada")
    await yard.accounts.update("ada", ROOT, {"email": "ada@example.org"})
    assert [details for _, details in await entries(yard, "user/ada")] == [
        {"before": {"email": None}, "after": {"email": "ada@example.org"}},
        {"after": {"email": None}},
    ]


async def test_a_change_that_changes_nothing_is_no_change(yard: Gateway) -> None:
    await yard.accounts.create("ada", ROOT, email="ada@example.org")
    same = await yard.accounts.update("ada", ROOT, {"email": "ada@example.org"}, {"default": Role.MEMBER})
    assert same.version == 1
    assert len(await entries(yard, "user/ada")) == 1


async def test_a_name_that_is_taken_stores_and_enters_nothing(yard: Gateway) -> None:
    await yard.accounts.create("ada", ROOT)
    with pytest.raises(Conflict):
        await yard.accounts.create("ada", BY_ITSELF, admin=True)
    account = await yard.accounts.get("ada")
    assert account is not None
    assert not account.admin
    assert [actor for actor, _ in await entries(yard, "user/ada")] == ["root"]


async def test_only_a_new_password_and_disabling_end_what_is_signed_in(yard: Gateway) -> None:
    await yard.accounts.create("ada", ROOT, password_hash="one")
    steps: tuple[tuple[dict[str, Any], int], ...] = (
        ({"email": "ada@example.org"}, 0),
        ({"admin": True}, 0),
        ({"password_hash": "two"}, 1),
        ({"disabled": True}, 2),
        ({"disabled": False}, 2),
    )
    for fields, generation in steps:
        assert (await yard.accounts.update("ada", ROOT, fields)).generation == generation, fields
    assert "two" not in str(await entries(yard, "user/ada"))


def test_an_account_of_the_first_version_is_read_as_a_member_of_its_vcs() -> None:
    old = (
        b'{"id":"ada","version":1,"password_hash":"x","admin":false,"vcs":["default","lab"],'
        b'"created_at":"2026-01-01T00:00:00.000Z"}'
    )
    account = AccountDocument.model_validate_json(old)
    assert account.vcs == {"default": Role.MEMBER, "lab": Role.MEMBER}
    assert (account.disabled, account.generation, account.email) == (False, 0, None)
    assert AccountDocument.model_validate_json(account.model_dump_json()) == account
