"""Who comes in: is the request meant for this door, which endpoint does it name, what does it bring, and may they.

The order is fixed: 400 for what is no request of ours, 422 for a path that deceives, 401 before anything is said of a
job, then 404, 403 and 409 as the guard says.
"""

import re
from dataclasses import dataclass

from aiohttp import HttpVersion11, web

from services.endpoints.domain import cookies, origins, paths
from services.endpoints.domain.bearer import platform_token
from services.endpoints.domain.headers import Client
from services.endpoints.domain.origins import Names
from services.endpoints.domain.place import Addresses, Place
from services.endpoints.domain.websocket import asks_upgrade
from services.endpoints.door.problems import BadRequest
from services.endpoints.door.sealing import Seal
from services.endpoints.guard import Guard, Pass
from shared.clock import Clock
from shared.contracts.endpoints import Admit
from shared.contracts.errors import Forbidden, Invalid, NotFound, Unauthorized

NOBODY = (
    "Nobody is signed in here. Open this endpoint from the console or with `jobyard endpoint open`; a program sends "
    "its token as `Authorization: Bearer <token>`."
)
NOT_OURS = "This door does not go by that name. Ask for it by its own (JOBYARD_ENDPOINTS_TRUSTED_HOSTS)."
FOREIGN = "Pages of other sites may not do that."
NOTHING_HERE = "There is nothing at this address. Endpoints live under /endpoints/<job>/<name>/."
_JOB_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_LABEL = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True)
class Request:
    """A request that is meant for an endpoint of this door; nobody has been let in yet."""

    place: Place
    path: str
    query: str
    client: Client
    source: str
    """The address that it comes from, as far as proxies are trusted."""

    @property
    def cookie(self) -> str:
        """The name of the cookie that lets browsers in here."""
        return cookies.name_at_door(self.client.scheme, self.place.confines)

    @property
    def target(self) -> str:
        """The path and query that the job gets."""
        inside = self.place.inside(self.path)
        return f"{inside}?{self.query}" if self.query else inside


@dataclass(frozen=True)
class Entrant:
    """Somebody who may use the endpoint, and what of their Authorization is the job's."""

    passed: Pass
    authorization: str | None


class Entry:
    """Reads requests and lets people in."""

    def __init__(
        self,
        guard: Guard,
        seal: Seal,
        clock: Clock,
        addresses: Addresses,
        names: Names,
    ) -> None:
        self._guard = guard
        self._seal = seal
        self._clock = clock
        self._addresses = addresses
        self._names = names

    def read(self, request: web.BaseRequest) -> Request:
        """Raises BadRequest, Invalid, NotFound, and Forbidden for what a page of another site sends."""
        client = self._client(request)
        name = own_name(self._names, request)
        if request.version < HttpVersion11 and "Transfer-Encoding" in request.headers:
            raise BadRequest("A request of HTTP/1.0 has no chunks: send its length.")
        raw, _, query = request.raw_path.partition("?")
        if not raw.startswith("/") or "#" in request.raw_path:
            raise BadRequest("This is no address of a page here.")
        paths.check(raw)
        changes = request.method not in origins.READING or asks_upgrade(request.headers)
        if changes and origins.foreign(request.headers.get("Origin"), client.scheme, client.host):
            raise Forbidden(FOREIGN)
        place = self._addresses.place_of(name, raw)
        if place is None:
            raise NotFound(NOTHING_HERE)
        return Request(place, raw, query, client, self._names.source(request.remote or "unknown", request.headers))

    def check_ids(self, place: Place) -> None:
        """Raises Invalid for a job and an endpoint that make no host name."""
        _check_job(place.job_id)
        if not _LABEL.fullmatch(place.name):
            raise Invalid("This is no name of an endpoint, like `jupyter` or `port-8080`.")

    async def admit(self, request: web.BaseRequest, asked: Request) -> Entrant:
        """By a cookie of this endpoint, else by a token. Raises Unauthorized, and what the guard raises."""
        authorization = request.headers.get("Authorization")
        token = platform_token(authorization) if authorization is not None else None
        place = asked.place
        credential = self._credential(request, asked)
        if token is None and credential is None:
            raise Unauthorized(NOBODY)
        _check_job(place.job_id)
        ask = Admit(job_id=place.job_id, token=token) if token else Admit(job_id=place.job_id, credential=credential)
        passed = await self._guard.enter(ask, place.name)
        return Entrant(passed, authorization if token is None else None)

    def knows(self, request: web.BaseRequest, asked: Request) -> bool:
        """Whether the browser brings a cookie of this endpoint that counts; whether it still leads in is another
        question.
        """
        return self._credential(request, asked) is not None

    def _credential(self, request: web.BaseRequest, asked: Request) -> str | None:
        """What a cookie of this endpoint names, while it counts. Where endpoints have origins, only there."""
        place = asked.place
        if self._addresses.domain is not None and not place.own_origin:
            return None
        for value in cookies.find(request.headers.getall("Cookie", ()), asked.cookie):
            stamp = self._seal.opened(value)
            if stamp is not None and (stamp.job_id, stamp.name) == (place.job_id, place.name):
                return stamp.credential if stamp.counts(self._clock.now(), asked.source) else None
        return None

    def _client(self, request: web.BaseRequest) -> Client:
        """Who asks, and for which address; a proxy in front is believed only if it is one of the trusted."""
        peer = request.remote or "unknown"
        host, address = self._names.host(peer, request.headers), peer
        name = origins.host_name(request.headers.get("Host"))
        ours = name == self._addresses.host or (name or "").endswith(f".{self._addresses.domain}")
        scheme = self._addresses.scheme if ours else "http"
        if peer in self._names.proxies:
            scheme = request.headers.get("X-Forwarded-Proto", scheme)
            earlier = request.headers.get("X-Forwarded-For")
            address = f"{earlier}, {peer}" if earlier else peer
        return Client(address, host, scheme if scheme in ("http", "https") else "http")


def own_name(names: Names, request: web.BaseRequest) -> str:
    """The name that the request was sent to, lower case, without a port. Raises BadRequest for one that is not ours."""
    name = origins.host_name(names.host(request.remote, request.headers))
    if name is None or not names.trusted(name):
        raise BadRequest(NOT_OURS)
    return name


def _check_job(id: str) -> None:
    if not _JOB_ID.fullmatch(id):
        raise Invalid("This is no id of a job: they are ULIDs, 26 characters in upper case.")
