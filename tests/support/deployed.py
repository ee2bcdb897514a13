"""The platform as operators deploy it, by compose.yaml or by the chart, and used as `admin` through its gateway."""

from abc import ABC, abstractmethod
from typing import Any

import httpx

from shared.ids import new_id
from tests.support.waiting import LONG_S, seen, wait_until


class Deployed(ABC):
    """Services come and go while it is used, so nobody may have the time to answer for a moment."""

    def __init__(self, host: str | None = None) -> None:
        """`host`: the name that it is asked for by, if that is not where its gateway is."""
        self.http = httpx.Client(timeout=30, trust_env=False, headers={"Host": host} if host is not None else {})
        self._token: str | None = None

    @abstractmethod
    def url(self) -> str:
        """Of a gateway."""

    @abstractmethod
    def password(self) -> str:
        """The one of `admin`."""

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """The answer, whatever it is."""
        if self._token is None:
            credentials = {"username": "admin", "password": self.password()}
            answer = self.http.post(f"{self.url()}/api/v1/auth/token", json=credentials)
            assert answer.status_code == 200, answer.text
            self._token = str(answer.json()["access_token"])
        headers = {"Authorization": f"Bearer {self._token}", **arguments.pop("headers", {})}
        return self.http.request(method, f"{self.url()}{path}", headers=headers, **arguments)

    def submit(self, command: str, **more: Any) -> str:
        """A job, asked for again where nobody had the time to answer; its id."""
        key = new_id()
        body = {"name": "deployed", "command": command, "cpus": 0.1, **more}
        answer = seen(
            lambda: self.call("POST", "/api/v1/jobs", json=body, headers={"Idempotency-Key": key}),
            lambda answer: answer.status_code != 503,
            "the job is submitted",
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def job(self, id: str) -> dict[str, Any]:
        """Its status is none while nobody answers."""
        answer = self.call("GET", f"/api/v1/jobs/{id}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {"status": None}
        return found

    def reaches(self, id: str, status: str) -> None:
        wait_until(lambda: self.job(id)["status"] == status, f"the job is {status}", within=LONG_S * 2)

    def console(self, id: str) -> str:
        return self.call("GET", f"/api/v1/jobs/{id}/logs").text
