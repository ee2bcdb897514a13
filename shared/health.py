"""`/healthz` and `/readyz` of a process for the orchestrator's probes, and `/metrics` for Prometheus.

Figures are read in the event loop, where they are written, all at one moment; the page is made of them in a thread,
since tens of thousands of series take a while.
"""

import asyncio
import gzip
import hmac
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import uvicorn
from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.contracts.commands.health import Health
from shared.contracts.instruments import SERVICE_READY
from shared.meter import Labels, Meter

Check = Callable[[], Awaitable[list[Health]]]


async def serve_health(host: str, port: int, check: Check, meter: Meter, token: str | None = None) -> None:
    """Serve until cancelled: `/healthz` says that the process lives, `/readyz` that its services can work.

    `token`: what a scraper has to bring for `/metrics`; none: nothing.
    """
    wanted = f"Bearer {token}".encode() if token is not None else None
    ready: dict[Labels, float] = {}
    meter.watch(SERVICE_READY, ready.items)

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        if path == "/metrics" and wanted and not hmac.compare_digest(_header(scope, b"authorization").encode(), wanted):
            headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": b"Bring JOBYARD_METRICS_TOKEN as a bearer token.\n"})
            return
        healths = await check() if path in ("/readyz", "/metrics") else []
        if path == "/metrics":
            ready.update({(item.service,): float(item.ready) for item in healths})
            try:
                snapshot = _Snapshot(list(meter.registry.collect()))
            finally:
                ready.clear()  # it was true for this answer only
            headers, page = await asyncio.to_thread(
                _page, snapshot, _header(scope, b"accept"), _header(scope, b"accept-encoding")
            )
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": page})
            return
        status = 404 if path not in ("/healthz", "/readyz") else 200 if all(item.ready for item in healths) else 503
        body = "\n".join(f"{item.service}: {item.message or 'ready'}" for item in healths) or str(status)
        headers = [(b"content-type", b"text/plain; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})

    config = uvicorn.Config(
        app, host=host, port=port, lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    try:
        await server._serve()
    finally:
        if server.started:
            await server.shutdown()


class _Snapshot(Collector):
    """What all collectors said at one moment."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _page(snapshot: Collector, accept: str, encodings: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body, as a scraper likes them."""
    encode, content_type = choose_encoder(accept)
    headers, page = [(b"content-type", content_type.encode())], encode(snapshot)
    if gzip_accepted(encodings):
        headers.append((b"content-encoding", b"gzip"))
        page = gzip.compress(page)
    return headers, page


def _header(scope: dict[str, Any], wanted: bytes) -> str:
    return ",".join(value.decode("latin-1") for name, value in scope["headers"] if name == wanted)
