"""Asks Prometheus for a job's lines; its address is an installation's own setting and never anybody else's word.

A server that is slow, or cannot be reached, rests for a moment, in which it is not asked: only so many questions are
answered side by side, and those that wait hold up the others.
"""

import asyncio
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import structlog
from pydantic import BaseModel, ValidationError

from services.metrics.domain.grid import Grid, Points
from services.metrics.domain.line import Line
from services.metrics.domain.promql import METRIC, RANK, expression, further
from shared.clock import Clock
from shared.contracts.errors import Invalid, TemporaryError
from shared.contracts.families import EXPORTED, REPORTED

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger()

ANSWER_S = 2.0
"""The longest that it may take: whoever asks must still be answered from the ring."""
REST_S = 10.0
MOST_BYTES = 8 << 20
"""Of an answer: some 300,000 points, whose reading holds up the process for a tenth of a second."""

_KNOWN = {*(exported.name for exported in EXPORTED), REPORTED}


class PrometheusAway(TemporaryError):
    """Prometheus does not answer, or not what is expected of it."""


class _Row(BaseModel):
    metric: dict[str, str]
    values: list[tuple[float, float]]


class _Matrix(BaseModel):
    result: list[_Row]
    resultType: Literal["matrix"]  # noqa: N815  (as Prometheus writes it)


class _Answer(BaseModel):
    status: Literal["success"]
    data: _Matrix


class Prometheus:
    """The server that JOBYARD_PROMETHEUS_URL names."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/query_range"
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._failed: tuple[float, str] | None = None

    async def lines(self, job_id: str, grid: Grid) -> dict[Line, Points]:
        """What it knows of the job. Raises PrometheusAway, Invalid."""
        now = self._clock.monotonic()
        if self._failed is not None and now < self._failed[0]:
            raise _away(self._failed[1])
        try:
            answer = _Answer.model_validate_json(await self._ask(job_id, grid))
        except ValidationError:
            raise self._fails("its answer is none of a Prometheus") from None
        if self._failed is not None:
            log.info("prometheus_back")
            self._failed = None
        return dict(_lines(answer))

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, job_id: str, grid: Grid) -> bytes:
        import httpx

        asked = {
            "query": expression(job_id, grid.step),
            "start": f"{grid.start:.3f}",
            "end": f"{grid.end:.3f}",
            "step": f"{grid.step:.3f}",
            "timeout": f"{ANSWER_S:.0f}s",
        }
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=ANSWER_S, trust_env=False)
        try:
            async with asyncio.timeout(ANSWER_S), self._client.stream("GET", self._url, params=asked) as response:
                body = await _body(response)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise self._fails(f"it cannot be reached ({type(error).__name__})", REST_S) from error
        if response.status_code != httpx.codes.OK:
            raise self._fails(f"it answers with the status {response.status_code}")
        return body

    def _fails(self, why: str, rest_s: float = 0.0) -> PrometheusAway:
        if self._failed is None:
            log.warning("prometheus_away", setting="JOBYARD_PROMETHEUS_URL", why=why)
        self._failed = self._clock.monotonic() + rest_s, why
        return _away(why)


def _away(why: str) -> PrometheusAway:
    return PrometheusAway(
        f"Prometheus, which JOBYARD_PROMETHEUS_URL names, does not say what the job used: {why}. The platform itself "
        "keeps no samples of this time."
    )


async def _body(response: "httpx.Response") -> bytes:
    """Raises Invalid."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > MOST_BYTES:
            raise Invalid("Prometheus has too many points of this job. Ask for a larger step, or a shorter time.")
    return bytes(body)


def _lines(answer: _Answer) -> Iterator[tuple[Line, Points]]:
    """Those with points; what is not a number is none."""
    for row in answer.data.result:
        metric = row.metric.get(METRIC, "")
        points = {time: value for time, value in row.values if math.isfinite(value)}
        if metric in _KNOWN and points:
            yield Line(metric, row.metric.get(further(metric) or "", ""), row.metric.get(RANK, "0")), points
