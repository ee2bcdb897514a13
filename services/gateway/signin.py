"""Signing in with a name and a password, and the first account: nothing else on the platform takes a password.

The first start makes `admin`. Its password lies alone in `<data>/admin-password` (mode 0600), written before its
account is stored, so that no crash leaves an account whose password nobody knows.
"""

import os
import secrets
import sys
from pathlib import Path

from services.gateway.accounts import AccountDocument, Accounts
from services.gateway.audited import BY_ITSELF, Author
from services.gateway.domain.throttle import Throttle
from services.gateway.passwords import Passwords
from services.gateway.problems import too_many
from shared.clock import Clock
from shared.contracts.errors import Conflict, Forbidden, Unauthorized

ADMIN = "admin"
WRONG = "The name or the password is wrong."
OFTEN = "Too many wrong passwords. Wait before the next try."
NO_PASSWORD = "This account signs in at the OIDC issuer, and its password is changed there."


class SignIn:
    """Who has which password."""

    def __init__(self, accounts: Accounts, passwords: Passwords, clock: Clock, wrong_per_minute: int) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._wrong = Throttle(wrong_per_minute)

    async def sign_in(self, name: str, password: str, address: str) -> AccountDocument:
        """Whoever has this name and password. Raises Unauthorized; TooMany after too many wrong ones.

        Every try counts until its password has turned out right, so that tries at one time don't slip through. A
        name that does not exist, or is disabled, takes as long as one that counts.
        """
        now = self._clock.monotonic()
        keys = (f"name:{name}", f"address:{address}")
        wait_s = max(self._wrong.wait_s(key, now) for key in keys)
        if wait_s > 0:
            raise too_many(OFTEN, wait_s)
        for key in keys:
            self._wrong.add(key, now)
        account = await self._accounts.get(name)
        right = await self._passwords.matches(account.password_hash if account else None, password)
        if account is None or not right or account.disabled:
            raise Unauthorized(WRONG)
        for key in keys:
            self._wrong.take_back(key, now)
        return account

    async def change_password(self, author: Author, current: str, new: str) -> None:
        """One's own. Raises Forbidden for a wrong present one, and where there is none; TooMany."""
        account = await self._accounts.get(author.name)
        if account is not None and account.password_hash is None:
            raise Forbidden(NO_PASSWORD)
        try:
            await self.sign_in(author.name, current, author.address or "unknown")
        except Unauthorized:
            raise Forbidden("The present password is wrong.") from None
        await self._accounts.update(author.name, author, {"password_hash": await self._passwords.hash(new)})


class FirstAccount:
    """Makes `admin` where there is none."""

    def __init__(self, accounts: Accounts, passwords: Passwords, data: Path) -> None:
        self._accounts = accounts
        self._passwords = passwords
        self._file = data / "admin-password"

    async def start(self) -> None:
        """Make it, or finish what a crash left half done."""
        account = await self._accounts.get(ADMIN)
        draft = self._file.with_name("admin-password.new")
        if account is not None:
            if draft.exists() and await self._passwords.matches(account.password_hash, draft.read_text().strip()):
                draft.replace(self._file)
            return
        password = secrets.token_urlsafe(18)
        _write_secret(draft, password)
        try:
            hashed = await self._passwords.hash(password)
            await self._accounts.create(ADMIN, BY_ITSELF, password_hash=hashed, admin=True)
        except Conflict:  # another replica was first; its password counts
            draft.unlink()
            return
        draft.replace(self._file)
        sys.stdout.write(f"The account `{ADMIN}` was made, with the password {password}\n")
        sys.stdout.flush()


def _write_secret(path: Path, text: str) -> None:
    """A file that only its owner can read, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
