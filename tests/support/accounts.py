"""A nats-server with the configuration and the accounts of deploy/nats, as an operator would run it.

With `nodes` the accounts are those of an installation that names them, where each executor has a user of its own.
"""

import asyncio
import os
import re
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

import nats

from docs.tools.accounts import document, password_of
from tests.support.nats import NatsServer
from tests.support.platform import CHECKOUT
from tests.support.ports import free_port

FOLDER = CHECKOUT / "deploy" / "nats"
LAST = "nobody.may.say.this"


class AccountsServer(NatsServer):
    """Only its ports and its store are this test's."""

    def __init__(self, nodes: Sequence[str] = (), host: str = "127.0.0.1") -> None:
        super().__init__()
        self.host = host
        self.nodes = nodes
        self._accounts = document(nodes) if nodes else (FOLDER / "accounts.conf").read_text()
        wanted = re.findall(r"\$(JOBYARD_NATS_\w+_PASSWORD)", self._accounts)
        self.passwords = {variable: f"p{secrets.token_hex(16)}" for variable in wanted}
        """By the variables that nats-server reads them from."""
        self.environment = os.environ | self.passwords

    @property
    def url(self) -> str:
        """The operator's."""
        return self.url_of("operator")

    def url_of(self, user: str) -> str:
        return f"nats://{user}:{self.passwords[password_of(user)]}@{self.host}:{self.port}"

    def arguments(self) -> list[str]:
        """The committed file; it names a folder and ports that are not this test's."""
        ours = (FOLDER / "nats.conf").read_text()
        ours = re.sub(r'(?m)^listen: "\S+"', f'listen: "{self.host}:{self.port}"', ours)
        ours = re.sub(r'(?m)^http: "\S+"', f'http: "127.0.0.1:{free_port()}"', ours)
        ours = re.sub(r'store_dir: "\S+"', f'store_dir: "{self.folder / "store"}"', ours)
        (self.folder / "nats.conf").write_text(ours)
        (self.folder / "accounts.conf").write_text(self._accounts)
        return ["-c", str(self.folder / "nats.conf")]


async def denied(url: str, publish: list[str], subscribe: list[tuple[str, str]]) -> set[str]:
    """What of this the server denies to the account, as it says itself."""
    said: list[str] = []
    all_said = asyncio.Event()

    async def on_error(error: Exception) -> None:
        said.append(str(error).lower())
        if LAST in said[-1]:
            all_said.set()

    user = urlsplit(url).username
    connection = await nats.connect(url, error_cb=on_error, inbox_prefix=f"_INBOX.{user}".encode())
    for subject in publish:
        await connection.publish(subject, b"{")
    for subject, queue in subscribe:
        await connection.subscribe(subject, queue=queue)
    await connection.publish(LAST, b"")
    async with asyncio.timeout(30):
        await all_said.wait()
    await connection.close()
    wanted = [*publish, *(subject for subject, _ in subscribe)]
    return {subject for subject in wanted if any(f'to "{subject.lower()}"' in line for line in said)}
