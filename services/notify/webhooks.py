"""Webhooks: a POST of the event, signed as Standard Webhooks say, to an address that was checked as it is connected to.

Redirects are never followed: an answer of 3xx is a failure. Of the answer only the status is read.
"""

import asyncio
import secrets
import ssl
from base64 import b64encode
from datetime import datetime

import httpcore
from standardwebhooks import Webhook as Signer

from services.notify.domain.signing import SecretDocument, renewed, signers
from services.notify.domain.target import Webhook
from services.notify.failures import Hopeless, Missed
from services.notify.store import NotifyStore
from shared.clock import Clock
from shared.contracts.addresses import AddressRefused, Network
from shared.contracts.errors import TemporaryError
from shared.guarded import GuardedBackend, Resolve, resolved
from shared.store.port import DuplicateKey

SECRET_BYTES = 32
TRIES = 20


class SigningSecrets:
    """The secret of each person, made when it is first needed."""

    def __init__(self, store: NotifyStore, clock: Clock) -> None:
        self._secrets = store.secrets
        self._clock = clock

    async def of(self, owner: str, *, renew: bool = False, renewal: str | None = None) -> SecretDocument:
        """The person's secret; a new one with `renew`, unless it is that of this renewal already."""
        for _ in range(TRIES):
            known = await self._secrets.get(owner)
            made = known is not None and renewal is not None and known.renewal == renewal
            if known is not None and (made or not renew):
                return known
            fresh = f"whsec_{b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
            document = renewed(known, owner, fresh, self._clock.now(), renewal)
            if await self._stored(document, known):
                return document
        raise TemporaryError("The secret is changing too often.")

    async def _stored(self, document: SecretDocument, known: SecretDocument | None) -> bool:
        if known is not None:
            return await self._secrets.swap(document, known.version)
        try:
            await self._secrets.insert(document)
        except DuplicateKey:
            return False
        return True


class Webhooks:
    """Posts events."""

    def __init__(
        self,
        keys: SigningSecrets,
        clock: Clock,
        networks: tuple[Network, ...],
        timeout_s: float,
        resolve: Resolve = resolved,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._timeout_s = timeout_s
        self._context = ssl.create_default_context()
        self._backends = {scheme: GuardedBackend(scheme, networks, resolve) for scheme in ("http", "https")}

    async def post(self, target: Webhook, id: str, body: str, owner: str) -> None:
        """Return when the receiver has it (2xx). Raises Missed; Hopeless for an address that is not allowed."""
        now = self._clock.now()
        headers = self._headers(target, id, body, signers(await self._keys.of(owner), now), now)
        url = httpcore.URL(scheme=target.scheme, host=target.host.strip("[]"), port=target.port, target=target.path)
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._status(target.scheme, url, headers, body.encode())
        except TimeoutError:
            raise Missed(f"The webhook did not answer within {self._timeout_s:g} s.") from None
        except AddressRefused as refused:
            raise Hopeless(f"{target.host} is not allowed: {refused}.") from refused
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise Missed(f"The webhook could not be reached: {error or type(error).__name__}") from error
        if 300 <= status < 400:
            raise Missed(f"The webhook answered {status}, a redirect; these are not followed. Name its real address.")
        if not 200 <= status < 300:
            raise Missed(f"The webhook answered {status}.")

    async def _status(self, scheme: str, url: httpcore.URL, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
        backend = self._backends[scheme]
        async with (
            httpcore.AsyncConnectionPool(ssl_context=self._context, network_backend=backend, max_connections=1) as pool,
            pool.stream("POST", url, headers=headers, content=body) as response,
        ):
            return response.status

    @staticmethod
    def _headers(
        target: Webhook, id: str, body: str, keys: tuple[str, ...], now: datetime
    ) -> list[tuple[bytes, bytes]]:
        signatures = " ".join(Signer(key).sign(id, now, body) for key in keys)
        headers = {
            "Host": target.authority,
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "Content-Length": str(len(body.encode())),
            "User-Agent": "Jobyard",
            "webhook-id": id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signatures,
        }
        return [(name.encode(), value.encode()) for name, value in headers.items()]
