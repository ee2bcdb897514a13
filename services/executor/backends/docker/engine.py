"""The Docker engine of this machine, by what the backend asks of it. One connection pool; every call may be repeated.

What the engine refuses is a Declined with its own sentence, an engine that is not there an EngineAway: OSErrors both,
as a full disk is one.
"""

import errno
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiodocker import Docker, DockerError
from aiodocker.utils import compose_auth_header
from aiohttp.http_exceptions import HttpProcessingError

from services.executor.backends.docker.containers import Image
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.images import image_name

LINE_BYTES = 128 << 10
"""Of what the engine writes of a pull, at most; a registry's own words are among it."""
CALL_S = 60.0
"""An engine that takes longer for anything but a pull stands still."""
_WITHOUT_THIS_MACHINE = {"com.docker.network.bridge.inhibit_ipv4": "true"}
"""An internal network has this machine's own address in it otherwise, and all that listens there."""
_NO_CONNECTION = 900
"""What stands in place of HTTP's status where nobody answers."""
_UNREADABLE = (HttpProcessingError, ValueError, RecursionError)
"""Of an answer with a line, or of a depth, that nobody reads. A registry, or an image's labels, can make it so."""


class Declined(OSError):
    """The engine's answer to what cannot be done. `status`: HTTP's."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


class Unpullable(Declined):
    """What a registry, or the way to it, says of an image that is to come from there."""


class Networkless(Declined):
    """The run's ranks get no network to meet in."""


class EngineAway(OSError):
    """The engine does not answer; nothing is known of its containers until it does."""


class Engine:
    """Behind the socket `host`, `unix:///var/run/docker.sock` for instance."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._docker: Docker | None = None

    async def open(self) -> None:
        """Raises EngineAway, Declined, and may be repeated then."""
        if self._docker is None:
            self._docker = Docker(self._host, timeout=aiohttp.ClientTimeout(total=CALL_S))
        async with self._told() as docker:
            await docker.version()

    async def close(self) -> None:
        if self._docker is not None:
            await self._docker.close()
            self._docker = None

    async def create(self, name: str, config: Mapping[str, Any]) -> None:
        """Raises Declined, with 409 for a name that is taken."""
        async with self._told() as docker:
            await docker.containers.create(dict(config), name=name)

    async def start_with_input(self, name: str, data: bytes) -> None:
        """Start what was created, and give it all of its input."""
        async with self._told() as docker:
            container = docker.containers.container(name)
            async with container.attach(stdin=True) as stream:
                await container.start()
                await stream.write_in(data)

    async def inspect(self, name: str) -> dict[str, Any] | None:
        """None: there is no such container."""
        async with self._told() as docker:
            try:
                return await docker.containers.container(name).show()
            except DockerError as error:
                if error.status == 404:
                    return None
                raise

    async def containers(self, label: str) -> list[str]:
        """The names of those with this label, whether they run or not."""
        async with self._told() as docker:
            found = await docker.containers.list(all="true", filters=json.dumps({"label": [label]}))
            return [str(name).removeprefix("/") for each in found for name in each._container["Names"]]

    async def signal(self, name: str, signal: str) -> bool:
        """Whether its first process was there to get the signal."""
        async with self._told() as docker:
            try:
                await docker.containers.container(name).kill(signal=signal)
            except DockerError as error:
                if error.status in (404, 409):
                    return False
                raise
            return True

    async def remove(self, name: str) -> None:
        """With all of its processes and its own layer. That there is none is what was asked for."""
        async with self._told() as docker:
            try:
                await docker.containers.container(name).delete(force=True, v=True)
            except DockerError as error:
                if error.status not in (404, 409):  # 409: somebody else is removing it
                    raise

    async def stats(self, name: str) -> dict[str, Any] | None:
        """What it uses at this moment, as the engine says it; none when it does not run."""
        async with self._told() as docker:
            query = {"stream": "0", "one-shot": "1"}
            try:
                found: dict[str, Any] = await docker._query_json(f"containers/{name}/stats", params=query)
            except DockerError as error:
                if error.status in (404, 409):
                    return None
                raise
            return found

    async def image(self, name: str) -> Image | None:
        """None: it is not here."""
        async with self._told() as docker:
            try:
                found = await docker.images.inspect(image_name(name).full)
            except DockerError as error:
                if error.status == 404:
                    return None
                raise
        pairs = (each.partition("=") for each in (found.get("Config") or {}).get("Env") or ())
        return Image(name, found["Id"], {variable: value for variable, _, value in pairs})

    async def pull(self, image: str, login: RegistryLogin | None, told: Callable[[Mapping[str, Any]], None]) -> None:
        """As long as it takes; `told` of each line that the engine writes of it. Raises Unpullable."""
        named, headers = image_name(image), {}
        if login is not None:
            auth = {"username": login.username, "password": login.password}
            headers["X-Registry-Auth"] = compose_auth_header(auth, named.registry)
        query = {"fromImage": named.full}
        try:
            async with self._told() as docker:
                forever = aiohttp.ClientTimeout(total=None)
                asked = docker._query("images/create", "POST", params=query, headers=headers, timeout=forever)
                async with asked as answer:
                    try:
                        while line := await answer.content.readline(max_line_length=LINE_BYTES):
                            _take(json.loads(line), told)
                    finally:
                        answer.close()  # also of a pull that nobody wants any more
        except Declined as declined:
            raise Unpullable(declined.status, declined.said) from declined

    async def make_network(self, name: str, labels: Mapping[str, str], closed: bool) -> None:
        """A network of its own; one of that name that is there is the one. `closed`: nothing outside is reached.

        Raises Networkless.
        """
        config = {"Name": name, "Driver": "bridge", "CheckDuplicate": True, "Labels": dict(labels)}
        if closed:
            config |= {"Internal": True, "Options": _WITHOUT_THIS_MACHINE}
        try:
            async with self._told() as docker:
                await docker.networks.create(config)
        except Declined as declined:
            if declined.status != 409:
                raise Networkless(declined.status, declined.said) from declined

    async def remove_network(self, name: str) -> bool:
        """Unless somebody is still in it; whether it is gone."""
        async with self._told() as docker:
            try:
                await (await docker.networks.get(name)).delete()
            except DockerError as error:
                if error.status not in (403, 404):
                    raise
                return error.status == 404
            return True

    async def networks(self, label: str) -> list[str]:
        """The names of those with this label."""
        async with self._told() as docker:
            return [str(each["Name"]) for each in await docker.networks.list(filters={"label": [label]})]

    async def events(self, label: str, since: int) -> AsyncIterator[str]:
        """The name of each container with this label that starts or ends, until the engine closes the stream.

        `since`: seconds since 1970; what has happened meanwhile comes first, as far as the engine remembers it.
        """
        filters = json.dumps({"type": ["container"], "event": ["start", "die"], "label": [label]})
        async with self._told() as docker:
            subscriber = docker.events.subscribe(filters=filters, since=since)  # type: ignore[no-untyped-call]
            try:
                while (event := await subscriber.get()) is not None:
                    yield str(event["Actor"]["Attributes"]["name"])
            finally:
                await docker.events.stop()  # type: ignore[no-untyped-call]

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[Docker]:
        """The client, whose errors are the two of this module."""
        if self._docker is None:
            raise EngineAway(errno.ENOTCONN, "the connection to the Docker engine is closed")
        try:
            yield self._docker
        except DockerError as error:
            if error.status == _NO_CONNECTION:
                raise self._away(error) from error
            raise Declined(error.status, error.message.strip()) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise self._away(error) from error
        except _UNREADABLE as error:
            raise Declined(502, f"what the engine says cannot be read ({type(error).__name__})") from error

    def _away(self, error: Exception) -> EngineAway:
        return EngineAway(errno.EHOSTDOWN, f"The Docker engine at {self._host} does not answer: {error!r}")


def _take(line: Any, told: Callable[[Mapping[str, Any]], None]) -> None:
    """Raises Declined: a pull that fails says so in a line of its own. Raises ValueError for what is no such line."""
    if not isinstance(line, dict):
        raise ValueError("no object")
    if "error" in line:
        raise Declined(0, str(line["error"]).strip())
    told(line)
