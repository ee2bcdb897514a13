"""What load balancers are told of the door when it cannot work."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.endpoints.domain.origins import Names
from services.endpoints.domain.place import Addresses
from services.endpoints.door.probes import LATE, Ping, Probes
from shared.store.port import StoreUnavailable


async def away() -> None:
    raise StoreUnavailable("MongoDB does not answer.")


async def silent() -> None:
    await asyncio.sleep(3600)


@pytest.mark.parametrize(("ping", "said"), [(away, "MongoDB does not answer."), (silent, LATE)])
async def test_a_door_whose_database_is_away_lives_and_is_not_ready(ping: Ping, said: str) -> None:
    probes = Probes(ping, Addresses("https://doors.lab"), Names({"doors.lab"}), patience_s=0.05)
    app = web.Application(middlewares=[probes.answer])
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/healthz")).status == 200
        answer = await client.get("/readyz")
        assert (answer.status, await answer.text()) == (503, f"{said}\n")
        assert (await client.get("/nothing")).status == 404
