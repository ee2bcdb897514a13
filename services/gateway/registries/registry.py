"""One question to a registry over HTTP: which digest a tag has. The only module that speaks to registries.

Users name the hosts, so nothing of an answer is believed further than that: addresses are checked as they are connected
to, redirects are not followed, answers are short or not read, and a realm has to belong to its registry.
"""

import base64
import json
import re
import ssl
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

import httpcore

from services.gateway.domain.challenge import Basic, Bearer, challenge_of
from shared.contracts.addresses import AddressRefused, Network
from shared.contracts.images import HUB, LATEST, ImageName
from shared.guarded import GuardedBackend, NotResolved, Resolve, resolved

ANSWER_BYTES = 64 * 1024
"""The longest answer that is read: a token is some KiB."""
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)
"""An index first: its digest is the same for every architecture."""
ADDRESS = "registry_refused"
"""The code of a registry whose address is not connected to, or the one of who gives its tokens."""
_HUB_HOST = "registry-1.docker.io"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Login:
    """What a registry lets somebody in with."""

    username: str
    password: str = field(repr=False)

    @property
    def basic(self) -> bytes:
        pair = f"{self.username}:{self.password}".encode()
        return b"Basic " + base64.b64encode(pair)


class NoDigest(Exception):
    """The registry told none. `code` is that of a reason, the message its sentence's end: "it ..."."""

    def __init__(self, code: str, said: str, *, away: bool = False) -> None:
        super().__init__(said)
        self.code = code
        self.said = said
        self.away = away
        """Nobody answered: the next question would wait as long."""


class RegistryApi:
    """Asks registries. `networks`: those of the operators, inside of which registries may be."""

    def __init__(self, networks: tuple[Network, ...], resolve: Resolve = resolved) -> None:
        self._backends = {scheme: GuardedBackend(scheme, networks, resolve) for scheme in ("http", "https")}

    async def digest(self, image: ImageName, scheme: str, login: Login | None) -> str:
        """Of the image's tag. Raises NoDigest. Whoever asks bounds the time."""
        host = _HUB_HOST if image.registry == HUB else image.registry
        name, _, port = host.partition(":")
        path = f"/v2/{image.repository}/manifests/{image.tag or LATEST}"
        url = _url(scheme, name, int(port) if port else None, path)
        try:
            status, headers = await self._manifest(url, None)
            if status == 401:
                grant = await self._grant(headers.get("www-authenticate"), host, scheme, image.repository, login)
                status, headers = await self._manifest(url, grant)
        except AddressRefused as refused:
            said = f"is at an address that is not asked (JOBYARD_GATEWAY_REGISTRY_NETWORKS): {refused}"
            raise NoDigest(ADDRESS, said) from refused
        except NotResolved as error:
            raise NoDigest("registry_unresolved", "has a name that cannot be resolved", away=True) from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise _unreached(error) from error
        digest = headers.get("docker-content-digest", "")
        if status == 200 and _DIGEST.fullmatch(digest):
            return digest
        raise _refusal(status)

    async def _manifest(self, url: httpcore.URL, grant: bytes | None) -> tuple[int, dict[str, str]]:
        """By HEAD: nothing of the manifest itself is needed."""
        headers: Headers = [(b"Accept", MANIFESTS.encode())]
        if grant is not None:
            headers.append((b"Authorization", grant))
        async with self._connected(url) as pool, pool.stream("HEAD", url, headers=_with_host(url, headers)) as answer:
            found = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            return answer.status, found

    async def _grant(
        self, header: str | None, registry: str, scheme: str, repository: str, login: Login | None
    ) -> bytes | None:
        """What to say as `Authorization`. Raises NoDigest."""
        challenge = challenge_of(header, registry, scheme)
        if isinstance(challenge, Basic) and login is not None:
            return login.basic
        if not isinstance(challenge, Bearer):
            raise _refusal(401)
        query = f"scope={quote(f'repository:{repository}:pull', safe='')}"
        if challenge.service is not None:
            query += f"&service={quote(challenge.service, safe='')}"
        joint = "&" if "?" in challenge.path else "?"
        url = _url(challenge.scheme, challenge.host, challenge.port, f"{challenge.path}{joint}{query}")
        token = await self._token(url, login)
        return b"Bearer " + token.encode()

    async def _token(self, url: httpcore.URL, login: Login | None) -> str:
        headers: Headers = [(b"Authorization", login.basic)] if login is not None else []
        async with self._connected(url) as pool, pool.stream("GET", url, headers=_with_host(url, headers)) as answer:
            read = b""
            async for piece in answer.aiter_stream():
                read += piece
                if len(read) > ANSWER_BYTES:
                    raise _refusal(502)
        if answer.status != 200:
            raise _refusal(answer.status)
        try:
            said = json.loads(read)
            token = said.get("token") or said.get("access_token")
        except (ValueError, AttributeError, RecursionError) as error:
            raise _refusal(502) from error
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise _refusal(502)
        return token

    def _connected(self, url: httpcore.URL) -> httpcore.AsyncConnectionPool:
        backend = self._backends[url.scheme.decode()]
        return httpcore.AsyncConnectionPool(self._context, max_connections=1, network_backend=backend)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _url(scheme: str, host: str, port: int | None, target: str) -> httpcore.URL:
    return httpcore.URL(scheme=scheme, host=host, port=port, target=target)


def _with_host(url: httpcore.URL, headers: Headers) -> Headers:
    usual = url.port in (None, {b"https": 443, b"http": 80}[url.scheme])
    host = url.host if usual else url.host + f":{url.port}".encode()
    return [(b"Host", host), (b"User-Agent", b"jobyard"), *headers]


def _unreached(error: Exception) -> NoDigest:
    """Nobody answered, or one who is not known to be the registry."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            said = f"shows a certificate that is not trusted ({cause.verify_message}): operators put the authority that"
            return NoDigest("registry_untrusted", f"{said} signed it into the file that SSL_CERT_FILE names")
        if isinstance(cause, ssl.SSLError):
            said = "speaks no TLS that is understood: operators name one without TLS with http:// before it"
            return NoDigest("registry_untrusted", f"{said} (JOBYARD_GATEWAY_REGISTRIES)")
        cause = cause.__cause__ or cause.__context__
    return NoDigest("registry_away", "does not answer", away=True)


def _refusal(status: int) -> NoDigest:
    if status in (401, 403):
        return NoDigest("image_denied", "does not show this image without other credentials, or has none of this name")
    if status == 404:
        return NoDigest("image_unknown", "has no image of this name and tag")
    if status == 429:
        return NoDigest("registry_busy", "is asked too often right now", away=True)
    return NoDigest("registry_away", f"answers {status} without a digest")
