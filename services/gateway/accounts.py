"""Local accounts: documents of the gateway's store. The first start makes `admin`, with a password of its own.

The password lies alone in `<data>/admin-password` (mode 0600), written before its account is stored, so that no
crash leaves an account whose password nobody knows.
"""

import asyncio
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.gateway.domain.access import Caller
from services.gateway.domain.throttle import Throttle
from services.gateway.problems import too_many
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp, UserName, VcName
from shared.contracts.errors import Unauthorized
from shared.contracts.notify import Email
from shared.store.port import DuplicateKey, Schema, Store

ADMIN = "admin"
DEFAULT_VC = "default"
FRESH_S = 30.0
"""How long an account may be taken for what it was: changes count after that."""

WRONG = "The name or the password is wrong."
OFTEN = "Too many wrong passwords. Wait before the next try."
HASHERS = 2
"""Passwords that are hashed at one time; each takes 19 MiB and about 20 ms."""


class AccountDocument(Contract):
    """A stored account; its id is the user's name."""

    id: UserName
    version: int = 1
    password_hash: str
    admin: bool = False
    vcs: tuple[VcName, ...] = (DEFAULT_VC,)
    created_at: Timestamp
    email: Email | None = None


ACCOUNTS = Schema[AccountDocument](
    "accounts", dump=lambda account: account.model_dump_json().encode(), load=AccountDocument.model_validate_json
)


class Accounts:
    """Who may sign in, and what the platform knows of them."""

    def __init__(self, store: Store, clock: Clock, data: Path, wrong_per_minute: int) -> None:
        self._documents = store.collection(ACCOUNTS)
        self._clock = clock
        self._password_file = data / "admin-password"
        self._wrong = Throttle(wrong_per_minute)
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._hashing = asyncio.Semaphore(HASHERS)
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self._fresh: dict[str, tuple[float, Caller]] = {}

    async def start(self) -> None:
        """Make `admin` where there is none; finish what a crash left half done.

        Replicas that share the folder may start at one time: each has a draft of its own, and the account decides.
        """
        account = await self._documents.get(ADMIN)
        if account is not None:
            for draft in self._password_file.parent.glob(f"{self._password_file.name}.new*"):
                await self._finish(str(draft), account)
            return
        password = secrets.token_urlsafe(18)
        draft = self._password_file.with_name(f"{self._password_file.name}.new-{secrets.token_hex(8)}")
        _write_secret(draft, password)
        password_hash = await asyncio.to_thread(self._hasher.hash, password)
        try:
            await self.add(ADMIN, password_hash, admin=True)
        except DuplicateKey:  # another replica was first; its password counts
            draft.unlink(missing_ok=True)
            return
        with suppress(FileNotFoundError):  # another replica has seen the account and finished this
            draft.replace(self._password_file)
        sys.stdout.write(f"The account `{ADMIN}` was made, with the password {password}\n")
        sys.stdout.flush()

    async def _finish(self, draft: str, account: AccountDocument) -> None:
        """Keep the draft if it holds the account's password, and remove it if not."""
        password = await asyncio.to_thread(_read_secret, draft)
        with suppress(FileNotFoundError):  # another replica has done it
            if password and await self._matches(account.password_hash, password):
                os.replace(draft, self._password_file)
            else:
                os.unlink(draft)

    async def add(self, name: str, password_hash: str, *, admin: bool = False) -> None:
        """Store a new account. Raises DuplicateKey."""
        await self._documents.insert(
            AccountDocument(id=name, password_hash=password_hash, admin=admin, created_at=self._clock.now())
        )

    async def sign_in(self, name: str, password: str, address: str) -> Caller:
        """Whoever has this name and password. Raises Unauthorized; TooMany after too many wrong ones.

        Every try counts until its password has turned out right, so that tries at one time don't slip through. A
        name that does not exist takes as long as one that does.
        """
        now = self._clock.monotonic()
        keys = (f"name:{name}", f"address:{address}")
        wait_s = max(self._wrong.wait_s(key, now) for key in keys)
        if wait_s > 0:
            raise too_many(OFTEN, wait_s)
        for key in keys:
            self._wrong.add(key, now)
        account = await self._documents.get(name)
        right = await self._matches(account.password_hash if account else self._nobody, password)
        if account is None or not right:
            raise Unauthorized(WRONG)
        for key in keys:
            self._wrong.take_back(key, now)
        return _caller(account)

    async def caller(self, name: str) -> Caller | None:
        """What this name may do, at most FRESH_S old; None for an account that does not exist."""
        now = self._clock.monotonic()
        known = self._fresh.get(name)
        if known is not None and now - known[0] < FRESH_S:
            return known[1]
        account = await self._documents.get(name)
        if account is None:
            self._fresh.pop(name, None)
            return None
        self._fresh[name] = (now, _caller(account))
        return self._fresh[name][1]

    async def email_of(self, name: str) -> str | None:
        """Where this person is reached, if the account says so."""
        account = await self._documents.get(name)
        return account.email if account is not None else None

    async def _matches(self, password_hash: str, password: str) -> bool:
        async with self._hashing:
            return await asyncio.to_thread(self._verify, password_hash, password)

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _caller(account: AccountDocument) -> Caller:
    return Caller(account.id, account.admin, account.vcs)


def _read_secret(path: str) -> str | None:
    """None if it has gone."""
    try:
        return Path(path).read_text().strip()
    except FileNotFoundError:
        return None


def _write_secret(path: Path, text: str) -> None:
    """A file that only its owner can read, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
