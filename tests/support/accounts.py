"""A nats-server with the configuration and the accounts of deploy/nats, as an operator would run it."""

import os
import re
import secrets

from tests.support.nats import NatsServer, free_port
from tests.support.platform import CHECKOUT

FOLDER = CHECKOUT / "deploy" / "nats"


class AccountsServer(NatsServer):
    """Only its ports and its store are this test's."""

    def __init__(self) -> None:
        super().__init__()
        wanted = re.findall(r"\$(JOBYARD_NATS_(\w+)_PASSWORD)", (FOLDER / "accounts.conf").read_text())
        self._passwords = {user.lower(): f"p{secrets.token_hex(16)}" for _, user in wanted}
        self.environment = os.environ | {name: self._passwords[user.lower()] for name, user in wanted}

    @property
    def url(self) -> str:
        """The operator's."""
        return self.url_of("operator")

    def url_of(self, user: str) -> str:
        return f"nats://{user}:{self._passwords[user]}@127.0.0.1:{self.port}"

    def arguments(self) -> list[str]:
        """The committed file; it names a folder and ports that are not this test's."""
        ours = (FOLDER / "nats.conf").read_text()
        ours = re.sub(r'(?m)^listen: "\S+"', f'listen: "127.0.0.1:{self.port}"', ours)
        ours = re.sub(r'(?m)^http: "\S+"', f'http: "127.0.0.1:{free_port()}"', ours)
        ours = re.sub(r'store_dir: "\S+"', f'store_dir: "{self.folder / "store"}"', ours)
        (self.folder / "nats.conf").write_text(ours)
        (self.folder / "accounts.conf").write_text((FOLDER / "accounts.conf").read_text())
        return ["-c", str(self.folder / "nats.conf")]
