"""The Python client: submit jobs, watch them, act on them.

from jobyard import Client

with Client() as yard:
    job = yard.submit(name="hello", command="echo hello")
    print(yard.wait(job.id).status)
"""

import uuid
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from jobyard.acting import Acting
from jobyard.calls import API, job_path
from jobyard.cluster import Clusters
from jobyard.credentials import LoginFile, resolve_url
from jobyard.endpoints import Endpoints
from jobyard.metrics import Measuring
from jobyard.models import (
    Me,
    Notification,
    Notifications,
    Secret,
    Secrets,
    SupportCase,
    SupportCases,
    WebhookSecret,
)
from jobyard.people import People
from jobyard.signin import SignIn
from jobyard.submitting import Submitting
from jobyard.transport import Transport
from jobyard.usage import Usage
from jobyard.watching import Watching

if TYPE_CHECKING:
    from jobyard.tunnel import Tunnels


class Client(Submitting, Watching, Measuring, Acting):
    """One platform, as one person. Every method raises a subclass of JobyardError. Not for several threads at once.

    base_url: else `JOBYARD_URL`, the saved login, a platform started in this folder, http://127.0.0.1:8080.
    token: else `JOBYARD_TOKEN`, the saved login, and on the same machine the admin password in `JOBYARD_DATA`.
    timeout: seconds to wait for an answer. retry_for: seconds to go on trying when a repetition is safe.
    connect_for: the same while nothing answers at the address at all; by default as long as retry_for.
    remember: save a token that was got from the admin password, for the next Client.
    """

    def __init__(
        self,
        base_url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        retry_for: float = 15.0,
        connect_for: float | None = None,
        remember: bool = False,
    ) -> None:
        logins = LoginFile()
        self.base_url = resolve_url(base_url, logins)
        sign_in = SignIn(self.base_url, token, logins, remember=remember)
        self._transport = Transport(
            self.base_url,
            sign_in,
            timeout=timeout,
            retry_for=retry_for,
            connect_for=retry_for if connect_for is None else connect_for,
        )
        self.people = People(self._transport)
        self.endpoints = Endpoints(self._transport)
        self.usage = Usage(self._transport)
        self.cluster = Clusters(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def tunnels(self) -> "Tunnels":
        """Sessions in running jobs, and connections to their ports."""
        from jobyard.tunnel import Tunnels

        return Tunnels(self._transport)

    def me(self) -> Me:
        """Who is asking, as the platform sees it."""
        return self._read(Me, f"{API}/me")

    # --- help

    def request_support(
        self,
        job_id: str,
        subject: str,
        message: str,
        *,
        include_logs: bool = True,
        idempotency_key: str | None = None,
    ) -> SupportCase:
        """Ask the operators for help with a job; its description, history and last lines go with the question."""
        body = {"subject": subject, "message": message, "include_logs": include_logs}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        response = self._transport.request("POST", job_path(job_id, "support"), body=body, headers=headers)
        return self._parsed(SupportCase, response.content)

    def support_cases(self, job_id: str) -> list[SupportCase]:
        """What was asked about a job, the newest first, and whether the operators have it."""
        return self._read(SupportCases, job_path(job_id, "support")).items

    def notifications(self, job_id: str) -> list[Notification]:
        """Who was told what about a job, the newest first, and whether it arrived."""
        return self._read(Notifications, job_path(job_id, "notifications")).items

    def webhook_secret(self) -> WebhookSecret:
        """What the webhooks of my jobs are signed with, by the scheme of Standard Webhooks."""
        return self._read(WebhookSecret, f"{API}/me/webhook-secret")

    # --- secrets

    def secrets(self, vc: str | None = None) -> list[Secret]:
        """My secrets, or those of a virtual cluster, by name. Nobody is shown their values."""
        return self._read(Secrets, _secrets_path(vc)).items

    def set_secret(self, name: str, value: str, vc: str | None = None) -> Secret:
        """Keep a value that jobs name as `env={"VARIABLE": {"secret": name}}`. Raises Forbidden for somebody else's."""
        response = self._transport.request("PUT", _secrets_path(vc, name), body={"value": value})
        return self._parsed(Secret, response.content)

    def remove_secret(self, name: str, vc: str | None = None) -> None:
        """Jobs that name it and have not started will not start. Raises NotFound."""
        self._transport.request("DELETE", _secrets_path(vc, name), repeatable=False)


def _secrets_path(vc: str | None, name: str | None = None) -> str:
    holder = "me" if vc is None else f"vcs/{quote(vc, safe='')}"
    path = f"{API}/{holder}/secrets"
    return path if name is None else f"{path}/{quote(name, safe='')}"
