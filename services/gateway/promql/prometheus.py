"""The Prometheus of this installation, asked over HTTP: one fixed address, few questions at a time, bounded answers.

Nothing of the asker's request goes along but what was written for it: neither tokens nor headers nor a path.
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import httpx
import structlog

from services.gateway.turns import Turns
from shared.contracts.errors import Invalid, Refusal, Unavailable

log = structlog.get_logger()

NONE_SET = (
    "This platform has no Prometheus, so there is nothing to ask here. An operator sets JOBYARD_PROMETHEUS_URL; a "
    "job's last hour is at /api/v1/jobs/{id}/metrics without it."
)
AWAY = "Prometheus (JOBYARD_PROMETHEUS_URL) does not answer as it should. Try again in a moment, or tell the operators."
LATE = "Prometheus did not answer in time. Ask for a shorter range, longer steps or fewer series."
BUSY = "Too many questions to Prometheus wait already. Try again in a moment."
WRONG = frozenset({httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY})
"""Statuses with which Prometheus says that the question was wrong."""
IN_FORMS = frozenset({"query", "query_range", "series", "labels"})
"""What takes its parameters in a form: they may be long."""
COMPLAINT_CHARS = 500
AT_ONCE = 8
AT_ONCE_PER_USER = 4
"""Questions under way, over all and of one user; those beyond wait their turn."""

Parameters = Sequence[tuple[str, str]]


class Prometheus:
    """Asks it. `url`: None where there is none."""

    def __init__(self, url: str | None, timeout_s: float, answer_bytes: int) -> None:
        self._url = url.rstrip("/") if url is not None else None
        self._timeout_s = timeout_s
        self._answer_bytes = answer_bytes
        self._http: httpx.AsyncClient | None = None
        self._turns = Turns(AT_ONCE, AT_ONCE_PER_USER, BUSY)

    def check(self) -> None:
        """Raises Unavailable where there is none."""
        if self._url is None:
            raise Unavailable(NONE_SET)

    async def ask(self, user: str, path: str, parameters: Parameters) -> bytes:
        """Its answer to one question, as it is. Raises Invalid for a wrong one, Unavailable, TooMany."""
        self.check()
        try:
            async with asyncio.timeout(self._timeout_s), self._turns.taken(user):
                return await self._answer(path, parameters)
        except TimeoutError:
            raise Unavailable(LATE) from None

    async def close(self) -> None:
        """Let go of its connections."""
        if self._http is not None:
            await self._http.aclose()

    async def _answer(self, path: str, parameters: Parameters) -> bytes:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=self._timeout_s, follow_redirects=False, trust_env=False)
        form: dict[str, list[str]] = {}
        for name, value in parameters:
            form.setdefault(name, []).append(value)
        said: dict[str, Any] = {"data": form} if path in IN_FORMS else {"params": form}
        method, url = "POST" if path in IN_FORMS else "GET", f"{self._url}/api/v1/{path}"
        try:
            async with self._http.stream(method, url, headers={"Accept-Encoding": "identity"}, **said) as response:
                body = await self._read(response)
        except httpx.TimeoutException:
            raise Unavailable(LATE) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.error("prometheus_away", error=type(error).__name__)
            raise Unavailable(AWAY) from None
        if response.status_code == httpx.codes.OK and _is_json(response):
            return body
        raise _refusal(response.status_code, body)

    async def _read(self, response: httpx.Response) -> bytes:
        """Raises Invalid for an answer that is larger than there may be."""
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > self._answer_bytes:
                raise Invalid(
                    f"The answer has more than {self._answer_bytes >> 20} MiB. Ask for fewer series or longer steps."
                )
            pieces.append(piece)
        return b"".join(pieces)


def _is_json(response: httpx.Response) -> bool:
    said: str = response.headers.get("content-type", "")
    return said.startswith("application/json")


def _refusal(status: int, body: bytes) -> Refusal:
    """What an answer that is no result means to the asker."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    kind, complaint = (
        (str(said.get(name, "")) for name in ("errorType", "error")) if isinstance(said, dict) else ("", "")
    )
    if status in WRONG and complaint:
        return Invalid(f"Prometheus can't answer this: {complaint[:COMPLAINT_CHARS]}.")
    if kind in ("timeout", "canceled"):
        return Unavailable(LATE)
    log.error("prometheus_refused", status=status, kind=kind[:80])
    return Unavailable(AWAY)
