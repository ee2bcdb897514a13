"""Signing in at the platform's OIDC issuer from a terminal: a code to confirm with any browser (RFC 8628)."""

import time
from collections.abc import Callable

import httpx

from jobyard.credentials import Login
from jobyard.errors import NotJobyard, Unauthorized, error_from
from jobyard.models import DevicePending, DeviceStart, Me
from jobyard.signin import http_client, login_of, token_in, unreachable

PATH = "/api/v1/auth/oidc/device"
PENDING = 202


def sign_in_with_device(base_url: str, show: Callable[[DeviceStart], None]) -> Login:
    """A new login, once somebody has confirmed what `show` was called with. Raises Unauthorized, NotFound."""
    with http_client(base_url, 30.0) as http:
        try:
            start = _started(http)
            show(start)
            return _waited_for(http, start)
        except httpx.TransportError as error:
            raise unreachable(base_url, error) from error


def _started(http: httpx.Client) -> DeviceStart:
    response = http.post(PATH)
    if not response.is_success:
        raise error_from(response)
    try:
        return DeviceStart.model_validate_json(response.content)
    except ValueError as error:
        raise _not_jobyard(response) from error


def _waited_for(http: httpx.Client, start: DeviceStart) -> Login:
    deadline = time.monotonic() + start.expires_in
    interval = start.interval
    while time.monotonic() < deadline:
        response = http.post(f"{PATH}/token", json={"device_code": start.device_code})
        if response.status_code != PENDING:
            token = token_in(response)
            headers = {"Authorization": f"Bearer {token.access_token}"}
            name = Me.model_validate_json(http.get("/api/v1/me", headers=headers).content).name
            return login_of(token, name)
        try:
            slower = DevicePending.model_validate_json(response.content).slower
        except ValueError as error:
            raise _not_jobyard(response) from error
        interval += 5 if slower else 0
        time.sleep(interval)
    raise Unauthorized("Nobody confirmed the sign-in in time. Begin again.")


def _not_jobyard(response: httpx.Response) -> NotJobyard:
    return NotJobyard(f"{response.request.url} does not answer as Jobyard does; check the address.")
