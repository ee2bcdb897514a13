"""Signing in with a name and a password, and the first account: nothing else on the platform takes a password.

The first start makes `admin`. Its password lies alone in `<data>/admin-password` (mode 0600), written before its
account is stored, so that no crash leaves an account whose password nobody knows; or an operator gives it.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from services.gateway.accounts import AccountDocument, Accounts
from services.gateway.audited import BY_ITSELF, Author
from services.gateway.domain.throttle import Throttle
from services.gateway.passwords import Passwords
from services.gateway.problems import too_many
from shared.clock import Clock
from shared.contracts.errors import Conflict, Forbidden, Unauthorized
from shared.private_files import write_private

ADMIN = "admin"
NAMES_PER_ADDRESS = 6
ADDRESSES_PER_NAME = 10
"""So many times the wrong passwords of one name from one address are allowed for an address, and for a name."""
WRONG = "The name or the password is wrong."
OFTEN = "Too many wrong passwords. Wait before the next try."
NO_PASSWORD = "This account signs in at the OIDC issuer, and its password is changed there."


class SignIn:
    """Who has which password."""

    def __init__(self, accounts: Accounts, passwords: Passwords, clock: Clock, wrong_per_minute: int) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._together = Throttle(wrong_per_minute)
        self._by_address = Throttle(NAMES_PER_ADDRESS * wrong_per_minute)
        self._by_name = Throttle(ADDRESSES_PER_NAME * wrong_per_minute)
        self._changing = Throttle(wrong_per_minute)

    async def sign_in(self, name: str, password: str, address: str) -> AccountDocument:
        """Whoever has this name and password. Raises Unauthorized; TooMany after too many wrong ones.

        They are counted for the name from this address: whoever knows a name must not be able to lock its owner out,
        nor everybody behind one address. Many names from an address, or many addresses for a name, count apart.
        """
        counts = ((self._together, f"{address} {name}"), (self._by_address, address), (self._by_name, name))
        return await self._tried(name, password, counts)

    async def change_password(self, author: Author, current: str, new: str) -> None:
        """One's own. Raises Forbidden for a wrong present one, and where there is none; TooMany."""
        account = await self._accounts.get(author.name)
        if account is not None and account.password_hash is None:
            raise Forbidden(NO_PASSWORD)
        try:
            await self._tried(author.name, current, ((self._changing, author.name),))
        except Unauthorized:
            raise Forbidden("The present password is wrong.") from None
        await self._accounts.update(author.name, author, {"password_hash": await self._passwords.hash(new)})

    async def _tried(self, name: str, password: str, counts: Sequence[tuple[Throttle, str]]) -> AccountDocument:
        """Every try counts until its password has turned out right, so that tries at one time don't slip through. A
        name that does not exist, or is disabled, takes as long as one that counts.
        """
        now = self._clock.monotonic()
        wait_s = max(throttle.wait_s(key, now) for throttle, key in counts)
        if wait_s > 0:
            raise too_many(OFTEN, wait_s)
        for throttle, key in counts:
            throttle.add(key, now)
        account = await self._accounts.get(name)
        right = await self._passwords.matches(account.password_hash if account else None, password)
        if account is None or not right or account.disabled:
            raise Unauthorized(WRONG)
        for throttle, key in counts:
            throttle.take_back(key, now)
        return account


class FirstAccount:
    """Makes `admin` where there is none, with the password that was given, or with one of its own in a file."""

    def __init__(self, accounts: Accounts, passwords: Passwords, data: Path, given: SecretStr | None = None) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._file = data / "admin-password"
        self._given = given

    async def start(self) -> None:
        """Make it, or finish what a crash left half done.

        Replicas that share the folder may start at one time: each has a draft of its own, and the account decides.
        """
        account = await self._accounts.get(ADMIN)
        if account is not None:
            for draft in self._file.parent.glob(f"{self._file.name}.new*"):
                await self._finish(str(draft), account)
        elif self._given is not None:
            with suppress(Conflict):  # another replica was first
                await self._make(self._given.get_secret_value())
        else:
            await self._make_up()

    async def _make_up(self) -> None:
        """Print the password as well: who starts the platform for the first time sees it."""
        password = secrets.token_urlsafe(18)
        draft = self._file.with_name(f"{self._file.name}.new-{secrets.token_hex(8)}")
        write_private(draft, password)
        try:
            await self._make(password)
        except Conflict:  # another replica was first; its password counts
            draft.unlink(missing_ok=True)
            return
        with suppress(FileNotFoundError):  # another replica has seen the account and finished this
            draft.replace(self._file)
        sys.stdout.write(f"The account `{ADMIN}` was made, with the password {password}\n")
        sys.stdout.flush()

    async def _make(self, password: str) -> None:
        """Raises Conflict when there is one."""
        hashed = await self._passwords.hash(password)
        await self._accounts.create(ADMIN, BY_ITSELF, password_hash=hashed, admin=True)

    async def _finish(self, draft: str, account: AccountDocument) -> None:
        """Keep the draft if it holds the account's password, and remove it if not."""
        password = await asyncio.to_thread(_read_secret, draft)
        with suppress(FileNotFoundError):  # another replica has done it
            if password and await self._passwords.matches(account.password_hash, password):
                os.replace(draft, self._file)
            else:
                os.unlink(draft)


def _read_secret(path: str) -> str | None:
    """None if it has gone."""
    try:
        return Path(path).read_text().strip()
    except FileNotFoundError:
        return None
