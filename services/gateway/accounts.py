"""Accounts: documents of the gateway's store, local ones with a password, others with a subject of an OIDC issuer.

`generation` rises with a new password and when an account is disabled: tokens of an earlier one do not count. A removed
account stays as a document that says no more than that its name is taken.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, JsonValue, field_validator

from services.gateway.audit import Audit
from services.gateway.audited import PLATFORM, Audited, Author, Change
from services.gateway.domain.access import Role
from services.gateway.vcs import DEFAULT_VC
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp, UserName, VcName
from shared.contracts.errors import Conflict, NotFound
from shared.contracts.notify import Email
from shared.store.port import DuplicateKey, Eq, Index, Schema, Store


class AccountDocument(Contract):
    """A stored account; its id is the user's name. Without a password hash only the issuer signs it in."""

    id: UserName
    version: int = 1
    password_hash: str | None = None
    subject: str | None = None
    email: Email | None = None
    admin: bool = False
    disabled: bool = False
    removed: bool = False
    vcs: dict[VcName, Role] = Field(default_factory=lambda: {DEFAULT_VC: Role.MEMBER})
    generation: int = 0
    created_at: Timestamp
    change: Change | None = None

    @field_validator("vcs", mode="before")
    @classmethod
    def _named_only(cls, vcs: object) -> object:
        """Accounts of the first version list their VCs without roles."""
        return dict.fromkeys(vcs, Role.MEMBER) if isinstance(vcs, list | tuple) else vcs


ACCOUNTS = Schema[AccountDocument](
    "accounts",
    dump=lambda account: account.model_dump_json().encode(),
    load=AccountDocument.model_validate_json,
    indexes=(Index("subject", ("subject",), unique=True),),
)


class Accounts:
    """Who there is, and what the platform knows of them."""

    def __init__(self, store: Store, clock: Clock, audit: Audit) -> None:
        self.documents = Audited(store, ACCOUNTS, audit, "user")
        self._clock = clock

    async def get(self, name: str) -> AccountDocument | None:
        """The account of this name."""
        return await self.documents.get(name)

    async def email_of(self, name: str) -> str | None:
        """Where this person is reached, if the account says so."""
        account = await self.get(name)
        return account.email if account is not None else None

    async def of_subject(self, subject: str) -> AccountDocument | None:
        """The account that this subject of an issuer signs in to."""
        return next(iter(await self.documents.all((Eq("subject", subject),))), None)

    async def create(self, name: str, author: Author, **fields: Any) -> AccountDocument:
        """A new account. Raises Conflict, also for the name that the platform itself has in the audit."""
        if name == PLATFORM:
            raise Conflict(f"'{name}' is what the audit calls the platform itself. Choose another name.")
        now = self._clock.now()
        account = AccountDocument(id=name, created_at=now, **fields)
        change = author.change(now, "user.created", after=_public(account))
        account = account.model_copy(update={"change": change})
        try:
            await self.documents.insert(account)
        except DuplicateKey:
            known = await self.get(name)
            if known is not None and known.removed:
                message = f"There was a user '{name}', whose jobs still bear the name. Choose another name."
                raise Conflict(message) from None
            raise Conflict(f"There is a user '{name}' already. Change that one, or choose another name.") from None
        return account

    async def existing(self, name: str) -> AccountDocument:
        """The account, if it was not removed. Raises NotFound."""
        account = await self.get(name)
        if account is None or account.removed:
            raise no_such_user(name)
        return account

    async def remove(self, name: str, author: Author) -> None:
        """Keep the name alone. Raises NotFound."""
        now = self._clock.now()

        def edit(account: AccountDocument) -> AccountDocument:
            if account.removed:
                raise no_such_user(name)
            return AccountDocument(
                id=account.id,
                version=account.version + 1,
                disabled=True,
                removed=True,
                vcs={},
                generation=account.generation + 1,
                created_at=account.created_at,
                change=author.change(now, "user.removed", before=_public(account)),
            )

        if await self.documents.change(name, edit) is None:
            raise no_such_user(name)

    async def update(
        self, name: str, author: Author, fields: Mapping[str, Any], vcs: Mapping[str, Role | None] | None = None
    ) -> AccountDocument:
        """Set these fields, and these roles (None takes one away). Raises NotFound."""
        now = self._clock.now()

        def edit(account: AccountDocument) -> AccountDocument:
            if account.removed:
                raise no_such_user(name)
            edited = account.model_copy(update={**fields, "vcs": _merged(account.vcs, vcs or {})})
            if edited == account:
                return account
            ends = edited.password_hash != account.password_hash or (edited.disabled and not account.disabled)
            update = {
                "version": account.version + 1,
                "generation": account.generation + ends,
                "change": author.change(now, "user.changed", **_difference(account, edited)),
            }
            return edited.model_copy(update=update)

        account = await self.documents.change(name, edit)
        if account is None:
            raise no_such_user(name)
        return account


def no_such_user(name: str) -> NotFound:
    """Nobody has this name."""
    return NotFound(f"There is no user '{name}'. Check the name, or list the users.")


def _merged(vcs: Mapping[str, Role], changes: Mapping[str, Role | None]) -> dict[str, Role]:
    return {name: role for name, role in {**vcs, **changes}.items() if role is not None}


_PUBLIC = ("email", "admin", "disabled", "vcs")


def _public(account: AccountDocument, names: Iterable[str] = _PUBLIC) -> dict[str, JsonValue]:
    plain = account.model_dump(mode="json")
    return {name: plain[name] for name in names}


def _difference(before: AccountDocument, after: AccountDocument) -> dict[str, JsonValue]:
    """What changed, without anything that could be used to sign in."""
    names = [name for name in _PUBLIC if getattr(before, name) != getattr(after, name)]
    details: dict[str, JsonValue] = {"before": _public(before, names), "after": _public(after, names)}
    if before.password_hash != after.password_hash:
        details["password"] = "changed"
    return details
