"""The Grafana of this installation, asked over HTTP: one fixed address, few requests at a time, bounded answers."""

import asyncio
from dataclasses import dataclass

import httpx
import structlog

from services.gateway.grafana.passing import DASHBOARD, Elsewhere, Headers, from_grafana
from services.gateway.turns import Turns
from shared.contracts.errors import NotFound, Unavailable

log = structlog.get_logger()

NONE_SET = (
    "This platform shows no Grafana. An operator sets JOBYARD_GATEWAY_GRAFANA_URL; METRICS has charts without it."
)
AWAY = (
    "Grafana (JOBYARD_GATEWAY_GRAFANA_URL) does not answer as it should. Try again in a moment, or tell the operators."
)
LATE = "Grafana did not answer in time. Try again, or choose a shorter range of time."
LARGE = "Grafana's answer is larger than this platform passes on. Choose a shorter range of time."
MISLED = "Grafana leads to another address than this one. Operators: see serve_from_sub_path in docs/grafana.md."
BUSY = "Too many requests to Grafana wait already. Try again in a moment."
AT_ONCE, AT_ONCE_PER_USER = 16, 6
"""Requests under way, of all and of one user; those beyond wait for their turn. Six are what a browser sends."""


@dataclass(frozen=True)
class Answer:
    """What Grafana says, as the browser gets it."""

    status: int
    headers: Headers
    body: bytes


class Grafana:
    """Asks it. `url`: None where there is none."""

    def __init__(self, url: str | None, timeout_s: float, answer_bytes: int) -> None:
        self._url = httpx.URL(url) if url is not None else None
        self._timeout_s = timeout_s
        self._answer_bytes = answer_bytes
        self._http: httpx.AsyncClient | None = None
        self._turns = Turns(AT_ONCE, AT_ONCE_PER_USER, BUSY)

    @property
    def dashboard(self) -> str | None:
        """The path of a job's dashboard; None where there is no Grafana."""
        return DASHBOARD if self._url is not None else None

    def check(self) -> None:
        """Raises NotFound where there is none."""
        if self._url is None:
            raise NotFound(NONE_SET)

    async def ask(
        self, user: str, host: str, method: str, path: str, query: bytes, headers: Headers, body: bytes
    ) -> Answer:
        """Its answer. `host`: what the browser calls this platform. Raises NotFound, TooMany, Unavailable."""
        self.check()
        assert self._url is not None
        url = self._url.copy_with(raw_path=path.encode() + (b"?" + query if query else b""))
        own = {host.lower(), url.netloc.decode()}
        try:
            async with asyncio.timeout(self._timeout_s), self._turns.taken(user):
                return await self._answer(method, url, headers, body, own)
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable(LATE) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.error("grafana_away", error=type(error).__name__)
            raise Unavailable(AWAY) from None
        except Elsewhere:
            log.error("grafana_leads_elsewhere", path=path)
            raise Unavailable(MISLED) from None

    async def close(self) -> None:
        """Let go of its connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _answer(self, method: str, url: httpx.URL, headers: Headers, body: bytes, own: set[str]) -> Answer:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False, trust_env=False)
            self._http.headers.clear()
        async with self._http.stream(method, url, headers=headers, content=body or None) as response:
            pieces, size = [], 0
            async for piece in response.aiter_raw():
                size += len(piece)
                if size > self._answer_bytes:
                    raise Unavailable(LARGE)
                pieces.append(piece)
            named = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw]
            return Answer(response.status_code, from_grafana(named, url.path, own), b"".join(pieces))
