"""Three NATS servers with accounts: the one that a service is connected to dies, and what was stored is still there."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from shared.bus.bus import AWAY, Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.settings import PlatformSettings
from tests.support.nats import NatsServer
from tests.support.ports import free_port
from tests.support.waiting import until

SETTINGS = PlatformSettings(nats_replicas=3)
ACCOUNT = 'authorization { users: [ { user: jobs, password: "secret" } ] }'


@pytest.fixture
async def servers() -> AsyncIterator[list[NatsServer]]:
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                NatsServer(
                    settings=f"server_name: n{port}\n{ACCOUNT}\n"
                    f"cluster {{ name: yard, listen: 127.0.0.1:{port}, routes: [{routes}] }}"
                )
            )
            for port in ports
        ]


async def test_the_server_of_a_service_is_killed(servers: list[NatsServer]) -> None:
    """The service knows the address of one; it learns of the others, and its account counts there too."""
    async with connect(f"nats://jobs:secret@127.0.0.1:{servers[0].port}", "test") as bus:
        await until(lambda: _declared(bus), "the cluster takes streams")
        info = await bus.js.stream_info(subjects.EVENTS)
        assert info.config.num_replicas == 3
        for number in range(10):
            await bus.publish_raw(f"evt.test.{number}", b"{}", f"m-{number}")
            if number == 5:
                servers[0].kill()
        for number in range(10):
            message = await bus.js.get_last_msg(subjects.EVENTS, f"evt.test.{number}")
            assert message.data == b"{}"
        assert (await bus.js.stream_info(subjects.EVENTS)).state.messages == 10


async def _declared(bus: Bus) -> bool:
    try:
        await bootstrap(bus.js, SETTINGS)
    except AWAY:
        return False
    return True
