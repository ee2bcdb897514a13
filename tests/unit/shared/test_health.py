"""The page that probes and Prometheus read of a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from prometheus_client import generate_latest

from shared.contracts.commands.health import Health
from shared.health import Check, serve_health
from shared.meter import Meter
from tests.support.ports import free_port
from tests.support.waiting import until


@asynccontextmanager
async def served(check: Check, meter: Meter) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    serving = asyncio.create_task(serve_health("127.0.0.1", port, check, meter))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:

        async def answers() -> bool:
            try:
                return (await client.get("/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            await until(answers, "it is served")
            yield client
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def test_metrics_say_which_services_of_the_process_can_work_now() -> None:
    healths = [Health(service="jobs", ready=True), Health(service="logs", ready=False, message="starting")]

    async def check() -> list[Health]:
        return healths

    meter = Meter()
    async with served(check, meter) as client:
        before = (await client.get("/metrics")).text
        healths[1] = Health(service="logs", ready=True)
        after = (await client.get("/metrics")).text
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/nowhere")).status_code == 404
    assert 'jobyard_service_ready{service="jobs"} 1.0' in before
    assert 'jobyard_service_ready{service="logs"} 0.0' in before
    assert 'jobyard_service_ready{service="logs"} 1.0' in after
    assert b"jobyard_service_ready{" not in generate_latest(meter.registry)
