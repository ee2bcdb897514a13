"""What looks like one of the platform's tokens is taken for one; all else is between the client and the job."""

import base64
import json

import pytest

from services.endpoints.domain.bearer import platform_token


def jwt(claims: object) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    "token", ["jy_anything", jwt({"iss": "jobyard", "exp": 1}), jwt({"iss": "jobyard"}) + "broken"]
)
def test_the_platforms_tokens_are_recognized_also_when_they_do_not_count(token: str) -> None:
    assert platform_token(f"Bearer {token}") == token
    assert platform_token(f"bEARER   {token} ") == token


@pytest.mark.parametrize(
    "value",
    [
        "Basic eA==",
        "token abc",
        "Bearer abc",
        f"Bearer {jwt({'iss': 'other'})}",
        f"Bearer {jwt([1])}",
        "Bearer a.!.c",
        "",
    ],
)
def test_a_jobs_own_authorization_is_left_alone(value: str) -> None:
    assert platform_token(value) is None
