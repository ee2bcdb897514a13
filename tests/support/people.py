"""People of a running platform: accounts that a test makes, each speaking the plain HTTP API as itself."""

from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from tests.support.platform import Platform
from tests.support.sse import SseReader

PASSWORD = "correct horse battery"


class Reached(Protocol):
    """Where somebody asks: a platform, or one of its gateways."""

    url: str
    http: httpx.Client


@dataclass
class Person:
    """Somebody with a token. Without one, nobody."""

    yard: Reached
    name: str
    token: str | None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """An answer, whatever it is."""
        headers = self.headers() | arguments.pop("headers", {})
        return self.yard.http.request(method, f"/api/v1{path}", headers=headers, **arguments)

    def status(self, method: str, path: str, **arguments: Any) -> int:
        return self.ask(method, path, **arguments).status_code

    def call(self, method: str, path: str, expect: int, **arguments: Any) -> Any:
        """The JSON of an answer with this status."""
        answer = self.ask(method, path, **arguments)
        assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def submit(self, command: str | list[str], name: str = "test", **fields: Any) -> str:
        return str(self.call("POST", "/jobs", 201, json={"name": name, "command": command, **fields})["id"])

    def follow(self, path: str, **params: str | int) -> SseReader:
        return SseReader(f"{self.yard.url}/api/v1{path}", self.headers(), params)


@dataclass
class Browser(Person):
    """The same with a cookie, and a page of the platform open."""

    def headers(self) -> dict[str, str]:
        return {"Cookie": f"jobyard_session={self.token}", "Origin": self.yard.url}


def admin(yard: Platform) -> Person:
    """The first account."""
    return Person(yard, "admin", yard.headers()["Authorization"].removeprefix("Bearer "))


def sign_in(yard: Platform, name: str, password: str = PASSWORD) -> Person:
    answer = yard.http.post("/api/v1/auth/token", json={"username": name, "password": password})
    assert answer.status_code == 200, answer.text
    return Person(yard, name, answer.json()["access_token"])


def in_browser(yard: Platform, body: dict[str, str]) -> Browser:
    """Signed in by what a page sends."""
    answer = yard.http.post("/api/v1/auth/session", json=body, headers={"Origin": yard.url})
    assert answer.status_code == 200, answer.text
    yard.http.cookies.clear()
    return Browser(yard, answer.json()["name"], answer.cookies["jobyard_session"])


def add(yard: Platform, name: str, vcs: dict[str, str] | None = None, **fields: Any) -> Person:
    """A new account, signed in."""
    body = {"username": name, "password": PASSWORD, "vcs": {"default": "member"} if vcs is None else vcs, **fields}
    admin(yard).call("POST", "/users", 201, json=body)
    return sign_in(yard, name)
