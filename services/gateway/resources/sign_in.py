"""What signing in takes and gives: passwords, codes of the issuer, tokens and cookies."""

from typing import Annotated, Literal

from pydantic import Field

from services.gateway.resources.body import Body
from shared.contracts.base import Contract, UserName


class Credentials(Body):
    """A local account's name and password."""

    username: Annotated[str, Field(min_length=1, max_length=256)]
    password: Annotated[str, Field(min_length=1, max_length=1024)]


class Token(Contract):
    """What to send as `Authorization: Bearer <access_token>`."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: Annotated[int, Field(description="Seconds until it stops counting.")]


class SignInMethods(Contract):
    """How people sign in here."""

    password: Annotated[bool, Field(description="With a name and a password, at /api/v1/auth/session.")]
    oidc: Annotated[bool, Field(description="At an OIDC issuer, from /api/v1/auth/oidc/start on.")]
    issuer: Annotated[str | None, Field(description="The address of that issuer.")]


class Session(Contract):
    """Whom the browser is signed in as. What lets it in is a cookie, which no page can read."""

    name: UserName
    expires_in: Annotated[int, Field(description="Seconds until it stops counting.")]


class OneTimeCode(Body):
    """What the sign-in's page got, and the verifier of the challenge that it began with (RFC 7636, S256)."""

    code: Annotated[str, Field(min_length=1, max_length=256)]
    code_verifier: Annotated[str, Field(pattern=r"^[A-Za-z0-9._~-]{43,128}$")]


class DeviceStart(Contract):
    """What to show to whoever signs in, and what to ask with until they have (RFC 8628)."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str | None = None
    expires_in: int
    interval: int


class DeviceAsk(Body):
    """Whether the sign-in with this code is done."""

    device_code: Annotated[str, Field(min_length=1, max_length=4096)]


class DevicePending(Contract):
    """Not done yet."""

    status: Literal["pending"] = "pending"
    slower: Annotated[bool, Field(description="Ask 5 s more seldom from now on.")]
