"""The issuer over HTTP: what it says of itself (discovery), and the requests that a client sends it.

Every failure is a sentence: Unavailable where it does not answer as it should, Unauthorized where it refuses.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from services.gateway.oidc.settings import OidcSettings
from shared.clock import Clock
from shared.contracts.errors import NotFound, Unauthorized, Unavailable

log = structlog.get_logger()

TIMEOUT_S = 10.0
KNOWN_S = 600.0
"""How long the issuer's own description is believed."""
AWAY = "The OIDC issuer does not answer as it should. Try again in a moment, or tell the operators."
REFUSED = "The OIDC issuer did not sign you in. Begin again."
BASIC = "client_secret_basic"
"""How a client shows its secret where the issuer does not say otherwise."""
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Description(BaseModel):
    """What discovery says (OpenID Connect Discovery 1.0), as far as it is used."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    device_authorization_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = (BASIC,)


class Issuer:
    """One issuer, as one client."""

    def __init__(self, settings: OidcSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._http: httpx.AsyncClient | None = None
        self._description: Description | None = None
        self._described_at = float("-inf")

    async def description(self) -> Description:
        """What it says of itself. Raises NotFound where none is configured, Unavailable."""
        issuer = self.settings.issuer
        if issuer is None:
            raise NotFound("Nobody signs in at an OIDC issuer here; none is configured. Use a name and a password.")
        now = self._clock.monotonic()
        if self._description is None or now - self._described_at >= KNOWN_S:
            said = await self.fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            try:
                description = Description.model_validate(said)
            except ValidationError as error:
                log.error("oidc_discovery_unreadable", error=str(error))
                raise Unavailable(AWAY) from None
            if description.issuer != issuer:
                log.error("oidc_issuer_differs", configured=issuer, said=description.issuer)
                raise Unavailable(AWAY)
            self._description, self._described_at = description, now
        return self._description

    async def fetch(self, url: str) -> Any:
        """A JSON document of the issuer. Raises Unavailable."""
        status, said = await self._exchange("GET", url)
        if status != httpx.codes.OK:
            log.error("oidc_issuer_refused", url=url, status=status)
            raise Unavailable(AWAY)
        return said

    async def tokens(self, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """What the token endpoint answers to this grant. Raises Unavailable."""
        return await self._ask((await self.description()).token_endpoint, form)

    async def device(self) -> dict[str, Any]:
        """A new device sign-in (RFC 8628). Raises NotFound where the issuer has none, Unavailable, Unauthorized."""
        endpoint = (await self.description()).device_authorization_endpoint
        if endpoint is None:
            raise NotFound("The OIDC issuer has no sign-in by device code. Use a name and a password.")
        status, said = await self._ask(endpoint, {"scope": self.settings.scopes})
        if status != httpx.codes.OK:
            log.warning("oidc_device_refused", status=status, error=said.get("error"))
            raise Unauthorized(REFUSED)
        return said

    async def close(self) -> None:
        """Let go of its connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _ask(self, url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        client, secret = self.settings.client_id, self.settings.client_secret
        sent, basic = {"client_id": client, **form}, None
        if secret is not None:
            if BASIC in (await self.description()).token_endpoint_auth_methods_supported:
                basic = httpx.BasicAuth(quote(client, safe=""), quote(secret.get_secret_value(), safe=""))
            else:
                sent["client_secret"] = secret.get_secret_value()
        status, said = await self._exchange("POST", url, sent, basic)
        if not isinstance(said, dict) or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            log.error("oidc_answer_unreadable", url=url, status=status)
            raise Unavailable(AWAY)
        return status, said

    async def _exchange(
        self, method: str, url: str, form: Mapping[str, str] | None = None, basic: httpx.BasicAuth | None = None
    ) -> tuple[int, Any]:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)
        try:
            headers = {"Accept": "application/json"}
            response = await self._http.request(method, url, data=form, headers=headers, auth=basic)
            return response.status_code, response.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            log.error("oidc_issuer_away", url=url, error=repr(error))
            raise Unavailable(AWAY) from None
