"""Every request that comes to the door: read, let in, forwarded, or refused in a form that its sender understands."""

from http import HTTPStatus

import structlog
from aiohttp import web

from services.endpoints.domain.place import Addresses, Place
from services.endpoints.domain.shares import Shares
from services.endpoints.door.arrivals import let_in
from services.endpoints.door.entry import Entry, Request
from services.endpoints.door.problems import SAFE, answer
from services.endpoints.door.relay import Relay
from services.endpoints.door.sealing import Seal
from services.endpoints.door.tickets import COOKIE_S, PLAIN_COOKIE_S, PREFIX, Tickets
from shared.contracts.errors import Refusal, TemporaryError, Unauthorized, Unavailable

log = structlog.get_logger()

AWAY = "A part of the platform does not answer right now. Try again in a moment."
BUSY = "This door has too much to do right now. Try again in a moment."
YOURS = (
    "You have as many requests and connections open here as one user may (JOBYARD_ENDPOINTS_MAX_REQUESTS_PER_USER). "
    "Close some, and try again."
)
LOOKING = frozenset({"GET", "HEAD"})


class Proxy:
    """The handler of all paths that nothing else was registered for."""

    def __init__(
        self,
        entry: Entry,
        relay: Relay,
        tickets: Tickets,
        seal: Seal,
        addresses: Addresses,
        shares: Shares,
        max_requests: int,
    ) -> None:
        """`shares`: of users, in what is open at one time."""
        self._entry = entry
        self._relay = relay
        self._tickets = tickets
        self._seal = seal
        self._addresses = addresses
        self._shares = shares
        self._max = max_requests
        self._running = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The program's answer, or the door's own."""
        self._running += 1
        try:
            if self._running > self._max:
                raise Unavailable(BUSY)
            return await self._handle(request)
        except Refusal as refusal:
            return answer(refusal, request)
        except TemporaryError as error:
            log.warning("door_unavailable", error=repr(error))
            return answer(Unavailable(AWAY), request)
        finally:
            self._running -= 1

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        asked = self._entry.read(request)
        looks = request.method in LOOKING
        in_a_path = self._addresses.domain is not None and not asked.place.own_origin
        if looks and in_a_path and "Authorization" not in request.headers:
            return self._to_its_origin(asked)
        ticket, rest = _ticket_in(asked.query)
        if ticket is not None:
            if request.method != "GET":
                raise Unauthorized("A ticket opens a page; it does nothing else.")
            return await self._let_in(request, asked, ticket, rest)
        entrant = await self._entry.admit(request, asked)
        let_in(request, entrant.passed.user)
        if asked.path == asked.place.base and not asked.place.own_origin:
            return _redirect(_with(f"{asked.path}/", asked.query), HTTPStatus.PERMANENT_REDIRECT)
        if asked.path == "/" and asked.place.keeps_prefix:
            return _redirect(_with(f"{asked.place.base}/", asked.query), HTTPStatus.TEMPORARY_REDIRECT)
        with self._shares.held(entrant.passed.user, Unavailable(YOURS)):
            return await self._relay.forward(request, asked, entrant)

    async def _let_in(self, request: web.Request, asked: Request, ticket: str, rest: str) -> web.Response:
        """The ticket becomes a cookie, and the address is one without it; so it is for a browser that was here before
        and looks at the ticket's address again.
        """
        secure = asked.client.scheme == "https"
        response = _redirect(_with(asked.path, rest), HTTPStatus.SEE_OTHER)
        try:
            stamp = await self._tickets.redeem(
                ticket, asked.place.job_id, asked.place.name, None if secure else asked.source
            )
        except Unauthorized:
            if self._entry.knows(request, asked):
                return response
            raise
        let_in(request, stamp.user)
        response.set_cookie(
            asked.cookie,
            self._seal.sealed(stamp),
            max_age=COOKIE_S if secure else PLAIN_COOKIE_S,
            path=asked.place.confines,
            httponly=True,
            secure=secure,
            samesite="Lax",
        )
        return response

    def _to_its_origin(self, asked: Request) -> web.Response:
        """Where endpoints have origins of their own, nothing is shown in a path: their pages could read one another."""
        self._entry.check_ids(asked.place)
        place = Place(asked.place.job_id, asked.place.name, own_origin=True)
        path = asked.path if place.keeps_prefix else asked.path.removeprefix(place.base) or "/"
        target = self._addresses.origin_of(place.job_id, place.name) + _with(path, asked.query)
        return _redirect(target, HTTPStatus.TEMPORARY_REDIRECT)


def _ticket_in(query: str) -> tuple[str | None, str]:
    """The ticket of a query, and the query without it; parameters of that name which are no tickets are the job's."""
    parts = query.split("&") if query else []
    ours = [part for part in parts if part.startswith(f"ticket={PREFIX}")]
    rest = "&".join(part for part in parts if part not in ours)
    return (ours[0].removeprefix("ticket=") if ours else None), rest


def _with(path: str, query: str) -> str:
    """One slash at the beginning: two would name another host."""
    path = "/" + path.lstrip("/")
    return f"{path}?{query}" if query else path


def _redirect(target: str, status: HTTPStatus) -> web.Response:
    return web.Response(status=status, headers=SAFE | {"Location": target})
