"""HTTP to the platform: signed in, repeated where a repetition is safe, errors raised as sentences.

A request is repeated when it never left this machine, when the platform said "later" (429, 503), and, if it may be
sent twice without harm, when the connection broke before the answer. A token that stopped counting is renewed once.
"""

import contextlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from jobyard.errors import Invalid, JobyardError, NotJobyard, Unauthorized, error_from
from jobyard.signin import SignIn, http_client, unreachable

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 3.0
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LATER = (429, 503)
_BROKEN_ON_THE_WAY = (502, 504)

Model = TypeVar("Model", bound=BaseModel)
Params = Mapping[str, str | int | list[str]]


class Backoff:
    """Growing pauses until a deadline, `patience` seconds after the last success."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.reset()

    def reset(self) -> None:
        self._deadline = time.monotonic() + self._patience
        self._delay = FIRST_DELAY_S

    def pause(self, at_least: float = 0.0) -> bool:
        """Sleep before the next try; False, at once, if it would be too late."""
        delay = max(at_least, self._delay * random.uniform(0.5, 1.0))
        if time.monotonic() + delay > self._deadline:
            return False
        time.sleep(delay)
        self._delay = min(self._delay * 2, LONGEST_DELAY_S)
        return True


class Transport:
    """Requests to one platform. Not for use by several threads at once."""

    def __init__(self, base_url: str, sign_in: SignIn, *, timeout: float, retry_for: float, connect_for: float) -> None:
        self.base_url = base_url
        self._sign_in = sign_in
        self._retry_for = retry_for
        self._connect_for = connect_for
        self._http = http_client(base_url, timeout)

    def close(self) -> None:
        self._http.close()

    def parsed(self, model: type[Model], content: bytes | str) -> Model:
        """An answer's body as its model. Raises NotJobyard."""
        try:
            return model.model_validate_json(content)
        except ValueError as error:
            message = f"{self.base_url} does not answer as Jobyard does; check the address, or update this package."
            raise NotJobyard(message) from error

    def get(self, path: str, params: Params | None = None) -> httpx.Response:
        return self.request("GET", path, params=params)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> httpx.Response:
        """The successful answer. Raises JobyardError."""
        content = None if body is None else _encoded(body)
        kind = {"Content-Type": "application/json"} if content is not None else {}
        backoff, connecting = Backoff(self._retry_for), Backoff(self._connect_for)
        renewed = False
        while True:
            try:
                all_headers = {**kind, **(headers or {}), **self.authorization()}
                response = self._http.request(method, path, content=content, params=params, headers=all_headers)
            except httpx.TransportError as error:
                never_sent = isinstance(error, _NEVER_SENT)
                if (never_sent and connecting.pause()) or (repeatable and not never_sent and backoff.pause()):
                    continue
                raise unreachable(self.base_url, error) from error
            if response.is_success:
                return response
            if response.status_code == 401 and not renewed and self.renew():
                renewed = True
                continue
            later = response.status_code in _LATER or (repeatable and response.status_code in _BROKEN_ON_THE_WAY)
            if later and backoff.pause(_retry_after(response)):
                continue
            raise self._error(response)

    def redirected(self, path: str) -> httpx.URL:
        """Where the platform answers this path: there, or where it says. Raises Unreachable."""
        try:
            response = self._http.get(path, headers=self.authorization(), follow_redirects=False)
        except httpx.TransportError as error:
            raise unreachable(self.base_url, error) from error
        return response.next_request.url if response.next_request is not None else response.request.url

    @contextlib.contextmanager
    def stream(
        self,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        silence: float | None = None,
    ) -> Iterator[httpx.Response]:
        """One try of a long answer, read piece by piece; no more than `silence` seconds between two pieces.

        Raises JobyardError for an answer that is no success, and Unreachable when the connection breaks.
        """
        timeout = httpx.Timeout(self._http.timeout.read if silence is None else silence, connect=5.0)
        try:
            response = self._open(path, params, headers, timeout)
            try:
                if response.status_code == 401 and self.renew():
                    response.close()
                    response = self._open(path, params, headers, timeout)
                if not response.is_success:
                    response.read()
                    raise self._error(response)
                yield response
            finally:
                response.close()
        except (httpx.TransportError, httpx.StreamError) as error:
            raise unreachable(self.base_url, error) from error

    def _open(
        self, path: str, params: Params | None, headers: Mapping[str, str] | None, timeout: httpx.Timeout
    ) -> httpx.Response:
        all_headers = {**(headers or {}), **self.authorization()}
        request = self._http.build_request("GET", path, params=params, headers=all_headers, timeout=timeout)
        return self._http.send(request, stream=True)

    def authorization(self) -> dict[str, str]:
        """The header that says who is asking."""
        token = self._sign_in.token(self._http)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def renew(self) -> bool:
        """Sign in again after a token stopped counting; whether there is a new one."""
        try:
            return self._sign_in.renew(self._http)
        except httpx.TransportError as error:
            raise unreachable(self.base_url, error) from error

    def _error(self, response: httpx.Response) -> JobyardError:
        error = error_from(response)
        if isinstance(error, Unauthorized):
            return Unauthorized(self._sign_in.advice(error.message), status=401)
        return error


def _encoded(body: object) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise Invalid("The request has characters that are no valid text; write it in UTF-8.") from error
    except ValueError as error:
        raise Invalid("The request has a number that is not finite; give it a real value.") from error


def _retry_after(response: httpx.Response) -> float:
    """Seconds the platform asks for; a date instead counts as none."""
    try:
        return max(0.0, float(response.headers.get("Retry-After", "0")))
    except ValueError:
        return 0.0


def parameters(**values: Any) -> dict[str, str | int | list[str]]:
    """Query parameters without those that are not set."""
    return {name: value for name, value in values.items() if value is not None}
