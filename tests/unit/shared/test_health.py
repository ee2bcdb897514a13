"""The page that probes and Prometheus read of a process."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Sample
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.contracts.commands.health import Health
from shared.health import Check, serve_health
from shared.meter import Meter
from tests.support.ports import free_port
from tests.support.waiting import until


@asynccontextmanager
async def served(check: Check, meter: Meter, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    port = free_port()
    serving = asyncio.create_task(serve_health("127.0.0.1", port, check, meter, token))
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


async def test_metrics_can_be_kept_for_who_brings_a_token_and_probes_need_none() -> None:
    async def check() -> list[Health]:
        return [Health(service="jobs", ready=True)]

    async with served(check, Meter(), "canary") as client:
        for wrong in ({}, {"authorization": "Bearer canar"}, {"authorization": "Basic canary"}):
            refused = await client.get("/metrics", headers=wrong)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert "jobyard_service_ready" not in refused.text
        right = await client.get("/metrics", headers={"authorization": "Bearer canary"})
        assert right.status_code == 200
        assert (await client.get("/readyz")).status_code == 200


async def test_metrics_come_in_the_form_that_the_scraper_asks_for() -> None:
    async def check() -> list[Health]:
        return [Health(service="jobs", ready=True)]

    async with served(check, Meter()) as client:
        plain = await client.get("/metrics", headers={"accept": "text/plain", "accept-encoding": "identity"})
        packed = await client.get("/metrics", headers={"accept-encoding": "gzip"})
        open_form = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["content-type"].startswith("text/plain")
    assert open_form.headers["content-type"].startswith("application/openmetrics-text")
    assert open_form.text.endswith("# EOF\n")
    for answer in (plain, packed, open_form):
        assert 'jobyard_service_ready{service="jobs"} 1.0' in answer.text


async def test_metrics_are_read_in_the_loop_and_written_out_beside_it() -> None:
    async def check() -> list[Health]:
        return []

    threads = []

    class Family(GaugeMetricFamily):
        """Tells who reads it, and who writes it out."""

        @property
        def samples(self) -> list[Sample]:
            threads.append(threading.current_thread() is threading.main_thread())
            return []

        @samples.setter
        def samples(self, value: list[Sample]) -> None:
            pass

    class Telling(Collector):
        def collect(self) -> Iterator[Metric]:
            read_in.append(threading.current_thread() is threading.main_thread())
            yield Family("told", "To whom.")

    read_in: list[bool] = []
    meter = Meter()
    meter.registry.register(Telling())
    async with served(check, meter) as client:
        threads.clear()
        read_in.clear()
        await client.get("/metrics")
    assert read_in == [True]
    assert threads
    assert not any(threads)
