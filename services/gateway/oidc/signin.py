"""Signing in at the issuer, from the first step to an account of this platform.

An account belongs to one subject of one issuer, and is found by it: a name that somebody else has here is refused,
whatever the issuer says. The first sign-in makes the account; each one brings its roles up to date where claims decide
them.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import structlog

from services.gateway.accounts import AccountDocument, Accounts
from services.gateway.audited import Author
from services.gateway.domain.access import Role
from services.gateway.domain.claims import Person, person_of
from services.gateway.domain.throttle import Throttle
from services.gateway.oidc.codes import Codes
from services.gateway.oidc.idtoken import IdTokens
from services.gateway.oidc.issuer import DEVICE_GRANT, REFUSED, Issuer
from services.gateway.oidc.state import Begun, States, challenge_of
from services.gateway.problems import too_many
from services.gateway.vcs import DEFAULT_VC
from shared.clock import Clock
from shared.contracts.errors import Conflict, Forbidden, Unauthorized

log = structlog.get_logger()

OFTEN = "Too many sign-ins come from this address. Wait before the next one."


@dataclass(frozen=True)
class Pending:
    """Nobody has confirmed yet; `slower`: the issuer is asked too often."""

    slower: bool


class OidcSignIn:
    """What the routes ask."""

    def __init__(
        self, issuer: Issuer, states: States, codes: Codes, id_tokens: IdTokens, accounts: Accounts, clock: Clock
    ) -> None:
        self._issuer = issuer
        self._settings = issuer.settings
        self._states = states
        self._codes = codes
        self._id_tokens = id_tokens
        self._accounts = accounts
        self._clock = clock
        self._begun = Throttle(self._settings.steps_per_minute)

    @property
    def issuer(self) -> str | None:
        """The address of the issuer that is asked; None: there is none."""
        return self._settings.issuer

    def count(self, address: str) -> None:
        """Count a step that makes the issuer work. Raises TooMany."""
        now = self._clock.monotonic()
        wait_s = self._begun.wait_s(address, now)
        if wait_s > 0:
            raise too_many(OFTEN, wait_s)
        self._begun.add(address, now)

    async def begin(self, challenge: str, return_to: str, callback: str) -> str:
        """Where to send the browser. Raises NotFound, Unavailable."""
        description = await self._issuer.description()
        state, begun = self._states.begin(challenge, return_to)
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_url or callback,
            "scope": self._settings.scopes,
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": challenge_of(await self._states.verifier(state)),
            "code_challenge_method": "S256",
        }
        glue = "&" if "?" in description.authorization_endpoint else "?"
        return f"{description.authorization_endpoint}{glue}{urlencode(query)}"

    async def finish(self, code: str, state: str, callback: str, address: str) -> tuple[str, Begun]:
        """A one-time code for the page that began, and what it began with. Raises Unauthorized, Forbidden."""
        begun = await self._states.read(state)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_url or callback,
            "code_verifier": await self._states.verifier(state),
        }
        status, said = await self._issuer.tokens(form)
        if status != httpx.codes.OK:
            log.warning("oidc_code_refused", status=status, error=str(said.get("error"))[:80])
            raise Unauthorized(REFUSED)
        account = await self._account(await self._id_tokens.check(said.get("id_token"), begun.nonce), address)
        return await self._codes.give(account.id, begun.challenge), begun

    async def redeem(self, code: str, verifier: str) -> AccountDocument:
        """Whoever this one-time code is for. Raises Unauthorized."""
        name = await self._codes.take(code, verifier)
        account = await self._accounts.get(name)
        if account is None or account.disabled:
            raise Unauthorized(REFUSED)
        return account

    async def begin_device(self) -> dict[str, Any]:
        """A device sign-in, as the issuer answers it. Raises NotFound, Unauthorized, Unavailable."""
        return await self._issuer.device()

    async def poll_device(self, device_code: str, address: str) -> AccountDocument | Pending:
        """The account, once somebody has confirmed. Raises Unauthorized."""
        status, said = await self._issuer.tokens({"grant_type": DEVICE_GRANT, "device_code": device_code})
        if status == httpx.codes.OK:
            return await self._account(await self._id_tokens.check(said.get("id_token"), None), address)
        match said.get("error"):
            case "authorization_pending":
                return Pending(slower=False)
            case "slow_down":
                return Pending(slower=True)
            case "expired_token":
                raise Unauthorized("Nobody confirmed the sign-in in time. Begin again.")
            case _:
                raise Unauthorized(REFUSED)

    async def _account(self, claims: dict[str, Any], address: str) -> AccountDocument:
        settings = self._settings
        person = person_of(claims, settings.name_claim, settings.groups_claim, settings.vcs, settings.admin_group)
        subject = f"{settings.issuer} {claims['sub']}"
        author = Author(person.name, address=address)
        account = await self._accounts.of_subject(subject)
        if account is None:
            return await self._created(person, subject, author)
        author = Author(account.id, address=address)
        if account.disabled:
            raise Unauthorized("This account is disabled. Ask an administrator.")
        fields: dict[str, Any] = {} if person.admin is None else {"admin": person.admin}
        if person.email is not None:
            fields["email"] = person.email
        return await self._accounts.update(account.id, author, fields, person.vcs)

    async def _created(self, person: Person, subject: str, author: Author) -> AccountDocument:
        given = {vc: role for vc, role in person.vcs.items() if role is not None}
        vcs = given if self._settings.vcs else {DEFAULT_VC: Role.MEMBER}
        fields = {"subject": subject, "email": person.email, "admin": bool(person.admin), "vcs": vcs}
        try:
            return await self._accounts.create(person.name, author, **fields)
        except Conflict:
            account = await self._accounts.of_subject(subject)
            if account is not None:  # at the same moment, in another window
                return account
            message = f"The user name '{person.name}' belongs to another account of this platform."
            raise Forbidden(f"{message} Ask an administrator.") from None
