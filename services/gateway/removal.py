"""Users and virtual clusters (VCs) that go: nothing of theirs may still run, and what was theirs goes first.

The name stays taken for ever. Jobs, events and the audit name people and VCs by it, so whoever got the name anew would
own the jobs of whoever had it before. What is done twice, since it was interrupted, does no harm.
"""

import asyncio

from services.gateway import asking
from services.gateway.accounts import Accounts
from services.gateway.apitokens import ApiTokens
from services.gateway.audited import Author
from services.gateway.fresh import FRESH_S
from services.gateway.registries.logins import of_registries
from services.gateway.secrets import Secrets, of_user, of_vc
from services.gateway.sshkeys import SshKeys
from services.gateway.vcs import Vcs
from shared.bus.bus import Bus
from shared.contracts.commands.lists import ListJobs
from shared.contracts.errors import Conflict, Refusal
from shared.contracts.job import TERMINAL, JobStatus

OPEN = tuple(status for status in JobStatus if status not in TERMINAL)
MEMBERS_NAMED = 5
SETTLE_S = 2 * FRESH_S
"""So long after an account was disabled no replica takes it for what it was, and what it still let in is a job."""


class Removals:
    """Its methods raise Refusals."""

    def __init__(
        self,
        bus: Bus,
        accounts: Accounts,
        vcs: Vcs,
        tokens: ApiTokens,
        keys: SshKeys,
        secrets: Secrets,
        timeout_s: float,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._bus = bus
        self._accounts = accounts
        self._vcs = vcs
        self._tokens = tokens
        self._keys = keys
        self._secrets = secrets
        self._timeout_s = timeout_s
        self._settle_s = settle_s

    async def user(self, name: str, author: Author) -> None:
        """Disable the account, so that nothing new comes of it, empty it, and let only its name stay.

        Raises NotFound, and Conflict for oneself and while a job of the user is not over. That is looked at twice: at
        once, so that a refusal changes nothing, and again when no further job can come.
        """
        account = await self._accounts.existing(name)
        if name == author.name:
            raise Conflict("You can't remove yourself. Ask another administrator.")
        await self._check_no_jobs_of(name)
        await self._accounts.update(name, author, {"disabled": True})
        await asyncio.sleep(self._settle_s)
        try:
            await self._check_no_jobs_of(name)
        except Refusal:
            await self._accounts.update(name, author, {"disabled": account.disabled})
            raise
        await self._forget_secrets(of_user(name), author)
        await self._tokens.revoke_all(name, author)
        await self._keys.remove_all(name, author)
        await self._accounts.remove(name, author)

    async def vc(self, name: str, author: Author) -> None:
        """Raises NotFound, and Conflict while it has members or jobs that are not over, or is needed.

        Whoever left it a moment ago may still have submitted, so that is looked at again when they cannot any more.
        """
        await self._vcs.check_removable(name)
        await self._check_empty(name)
        await asyncio.sleep(self._settle_s)
        await self._check_empty(name)
        await self._forget_secrets(of_vc(name), author)
        await self._forget_secrets(of_registries(name), author)
        await self._vcs.remove(name, author)

    async def _check_empty(self, name: str) -> None:
        members = [account.id for account in await self._accounts.documents.all() if name in account.vcs]
        if members:
            named = ", ".join(members[:MEMBERS_NAMED]) + (", ..." if len(members) > MEMBERS_NAMED else "")
            raise Conflict(f"The virtual cluster '{name}' has members: {named}. Let them leave it first.")
        await self._check_jobs(ListJobs(vcs=(name,), statuses=OPEN, limit=1), f"The virtual cluster '{name}' has")

    async def _check_no_jobs_of(self, user: str) -> None:
        await self._check_jobs(ListJobs(owner=user, statuses=OPEN, limit=1), f"{user} has")

    async def _check_jobs(self, ask: ListJobs, who_has: str) -> None:
        page = await self._bus.ask(asking.LIST, ask, self._timeout_s)
        if page.items:
            count = page.total or 1
            jobs = "a job that is" if count == 1 else f"{count} jobs that are"
            raise Conflict(f"{who_has} {jobs} not over, for instance {page.items[0].id}. Kill them, or wait.")

    async def _forget_secrets(self, holder: str, author: Author) -> None:
        for secret in await self._secrets.names(holder):
            await self._secrets.remove(holder, secret.name, author)
