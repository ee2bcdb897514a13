"""Who is asking: where a token comes from, and how a new one is got when it stops counting.

In this order: the token that was given (argument, `JOBYARD_TOKEN`), the saved login, and on the same machine the
admin password in the platform's data folder.
"""

import contextlib
import os
import ssl
from datetime import UTC, datetime, timedelta

import httpx

from jobyard.credentials import ADMIN, Login, LoginFile, is_local, local_admin_password
from jobyard.errors import NotJobyard, Unreachable, error_from
from jobyard.models import Token

TOKEN_PATH = "/api/v1/auth/token"


class SignIn:
    """The token for one platform. `remember`: keep a token that was got from the admin password for the next time."""

    def __init__(self, base_url: str, token: str | None, logins: LoginFile, *, remember: bool = False) -> None:
        self._url = base_url
        self._given = token or os.environ.get("JOBYARD_TOKEN") or None
        self._logins = logins
        self._remember = remember
        self._token = self._given
        self._looked = self._given is not None

    def token(self, http: httpx.Client) -> str | None:
        """The token to send; None when there is none to be had. Raises httpx.TransportError, JobyardError."""
        if not self._looked:
            saved = self._logins.get(self._url)
            self._token = saved.token if saved else self._from_admin_password(http)
            self._looked = True
        return self._token

    def renew(self, http: httpx.Client) -> bool:
        """After a 401: whether another token was found. A token that was given is never replaced."""
        if self._given is not None:
            return False
        saved = self._logins.get(self._url)
        rejected, self._token = self._token, saved.token if saved else None
        if self._token is None or self._token == rejected:
            self._token = self._from_admin_password(http)
        return self._token is not None

    def advice(self, message: str) -> str:
        """The platform's sentence, and what to do on this side."""
        if self._given is not None:
            return f"{message} The token in use was given by the caller or by JOBYARD_TOKEN."
        how = "Sign in with `jobyard login`, or set JOBYARD_DATA to the data folder of `jobyard up`."
        return f"{message} {how}" if self._token else f"Nobody is signed in at {self._url}. {how}"

    def _from_admin_password(self, http: httpx.Client) -> str | None:
        password = local_admin_password(self._url)
        if password is None:
            return None
        response = http.post(TOKEN_PATH, json={"username": ADMIN, "password": password})
        if response.status_code == 401:
            return None  # the data folder belongs to another platform than the one that answers here
        token = token_in(response)
        if self._remember:
            with contextlib.suppress(OSError):  # a home that cannot be written only costs a sign-in each time
                self._logins.put(self._url, login_of(token, ADMIN, automatic=True))
        return token.access_token


def token_in(response: httpx.Response) -> Token:
    """The token of a sign-in's answer. Raises JobyardError."""
    if not response.is_success:
        raise error_from(response)
    try:
        return Token.model_validate_json(response.content)
    except ValueError as error:
        url = response.request.url
        raise NotJobyard(f"{url} does not answer as Jobyard does; check the address.") from error


def login_of(token: Token, username: str, *, automatic: bool = False) -> Login:
    expires_at = datetime.now(UTC) + timedelta(seconds=token.expires_in)
    return Login(token.access_token, username, expires_at.isoformat(timespec="seconds"), automatic)


def sign_in(base_url: str, username: str, password: str) -> Login:
    """A new login for a name and a password. Raises Unauthorized, TooMany, Unreachable."""
    with http_client(base_url, 30.0) as http:
        try:
            response = http.post(TOKEN_PATH, json={"username": username, "password": password})
        except httpx.TransportError as error:
            raise unreachable(base_url, error) from error
        return login_of(token_in(response), username)


def http_client(base_url: str, timeout: float) -> httpx.Client:
    """An HTTP client for one platform. The loopback is reached without a proxy, plain HTTP without loading CAs."""
    secure = base_url.startswith("https:")
    return httpx.Client(
        base_url=base_url,
        timeout=httpx.Timeout(timeout, connect=5.0),
        trust_env=not is_local(base_url),
        verify=True if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # it trusts nobody, and is not used
        headers={"Accept": "application/json", "User-Agent": "jobyard-python"},
    )


def unreachable(base_url: str, error: Exception) -> Unreachable:
    """A connection that failed, as a sentence that says what to do."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        hint = "Is the yard running? Start it with `jobyard up`." if is_local(base_url) else "Is the address right?"
        return Unreachable(f"Nothing answers at {base_url}. {hint}")
    if isinstance(error, httpx.TimeoutException):
        return Unreachable(f"{base_url} did not answer in time; try again.")
    return Unreachable(f"The connection to {base_url} broke; try again.")
