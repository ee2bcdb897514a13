"""`/healthz` and `/readyz` of a process for the orchestrator's probes, and `/metrics` for Prometheus."""

from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from prometheus_client import make_asgi_app

from shared.contracts.commands.health import Health
from shared.contracts.instruments import SERVICE_READY
from shared.meter import Labels, Meter

Check = Callable[[], Awaitable[list[Health]]]


async def serve_health(host: str, port: int, check: Check, meter: Meter) -> None:
    """Serve until cancelled: `/healthz` says that the process lives, `/readyz` that its services can work."""
    metrics = make_asgi_app(meter.registry)
    ready: dict[Labels, float] = {}
    meter.watch(SERVICE_READY, ready.items)

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        healths = await check() if path in ("/readyz", "/metrics") else []
        if path == "/metrics":
            ready.update({(item.service,): float(item.ready) for item in healths})
            try:
                await metrics(scope, receive, send)
            finally:
                ready.clear()  # it was true for this answer only
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
