"""The outermost layer of every request: its id, its limits, what is counted of it, and the headers of each answer.

Pure ASGI. A fault of the inner layers is logged here, once, with the request's id. An answer begins once: whatever goes
wrong after that leaves it unfinished, so that the server cuts the connection and the reader notices.
"""

import asyncio
import re
import secrets
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import FAULT, response_of
from services.gateway.strangers import ALIVE
from services.gateway.watch import Cut
from shared import tracing
from shared.contracts.errors import InternalError, Refusal, TemporaryError, Unavailable
from shared.contracts.instruments import HTTP_REQUESTS, HTTP_RUNNING, HTTP_SECONDS
from shared.meter import Meter

log = structlog.get_logger()

AWAY = "The gateway's database does not answer right now. Try again in a moment."
STOPPED = "The gateway was stopped before it had an answer. Try again in a moment."
SAFE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""Of every answer that does not say something else itself, such as a page."""


class HttpMetrics:
    """What Prometheus learns of the requests; routes are labelled by their pattern, never by their path."""

    def __init__(self, meter: Meter) -> None:
        self.running = 0
        self._requests = meter.counter(HTTP_REQUESTS)
        self._seconds = meter.histogram(HTTP_SECONDS)
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        meter.watch(HTTP_RUNNING, lambda: self.running)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer. The series are few, and looking one up by its labels takes longer than counting."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = _route(scope)
        series = self._series.get((method, route, status))
        if series is None:
            series = (self._requests.labels(method, route, str(status)), self._seconds.labels(method, route))
            self._series[method, route, status] = series
        series[0].inc()
        series[1].observe(seconds)


class Front:
    """Around everything else. `max_requests`: how many may be under way at one time."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, max_requests: int, access_log: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._max = max_requests
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        scope["jobyard.request_id"] = answer.request_id
        self._metrics.running += 1
        try:
            serve = self._traced if tracing.are_on() else self._refused
            refusal = await serve(scope, receive, answer)
            if refusal is not None and not answer.status:
                await response_of(refusal, answer.request_id)(scope, receive, answer.send)
        finally:
            self._metrics.running -= 1
            self._metrics.answered(scope, answer.status, answer.seconds)
            if self._access_log:
                log.info("request", method=scope["method"], path=scope["path"], status=answer.status)

    async def _traced(self, scope: Scope, receive: Receive, answer: "_Answer") -> Refusal | None:
        """The same as a step of a trace, the caller's own if there is one."""
        with tracing.span("gateway", scope["method"], _sent(scope, b"traceparent")) as step:
            refusal = await self._refused(scope, receive, answer)
            step.name(f"{scope['method']} {_route(scope)}", **{"http.response.status_code": answer.status})
            return refusal

    async def _refused(self, scope: Scope, receive: Receive, answer: "_Answer") -> Refusal | None:
        """Let the application answer; what is to be said instead where it could not."""
        about = {"request_id": answer.request_id, "path": scope["path"]}
        try:
            if self._metrics.running > self._max and scope["path"] != ALIVE:
                raise Unavailable("The platform has too much to do right now. Try again in a moment.")
            await self._app(scope, receive, answer.send)
        except Refusal as refusal:
            if answer.status:
                log.warning("answer_broken_off", **about, problem=refusal.code)
            return refusal
        except TemporaryError as error:
            log.warning("request_unavailable", **about, error=str(error))
            return Unavailable(AWAY)
        except asyncio.CancelledError:  # by the server, whose patience ended while it stops
            log.warning("request_given_up", **about)
            if answer.status:
                raise
            return Unavailable(STOPPED)
        except Cut:
            log.info("answer_cut_off", **about)
        except Exception as error:
            log.exception("request_failed", **about, error=repr(error))
            return InternalError(FAULT)
        return None


class _Answer:
    """One answer on its way out."""

    __slots__ = ("_began", "_send", "request_id", "seconds", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._began = time.perf_counter()
        self.request_id = _given_id(scope) or secrets.token_hex(8)
        self.status = 0
        self.seconds = 0.0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.seconds = time.perf_counter() - self._began
            own = list(message.get("headers", ()))
            said = {name for name, _ in own}
            added = [header for header in SECURITY_HEADERS if header[0] not in said]
            message = {**message, "headers": [*added, (b"x-request-id", self.request_id.encode()), *own]}
        await self._send(message)


def _given_id(scope: MutableMapping[str, Any]) -> str | None:
    value = _sent(scope, b"x-request-id")
    return value if value is not None and SAFE_ID.fullmatch(value) else None


def _sent(scope: MutableMapping[str, Any], header: bytes) -> str | None:
    """A header of the request; the first of its name."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == header), None)


def _route(scope: MutableMapping[str, Any]) -> str:
    """The pattern of the path, never the path itself."""
    return getattr(scope.get("route"), "path", "none")
