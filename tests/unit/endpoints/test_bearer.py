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


@pytest.mark.parametrize("token", ["jy_anything", jwt({"iss": "jobyard"})])
@pytest.mark.parametrize(
    "form",
    [
        *("{}", "token {}", "Bearer\t{}", 'Bearer "{}"', "Token token={}, x=y", "Bearer x,{}", "-{}"),
        *("Basic base64(ada:{})", "Basic base64({}:)", "basic   base64({}:x)"),
    ],
)
def test_a_token_of_the_platform_is_found_wherever_it_stands_in_the_value(form: str, token: str) -> None:
    before, encodes, within = form.partition("base64(")
    value = form.format(token)
    if encodes:
        value = before + base64.b64encode(within.removesuffix(")").format(token).encode()).decode()
    found = platform_token(value)
    assert found is not None and found.strip("-") == token


@pytest.mark.parametrize(
    "value",
    [
        "Basic eA==",
        "Basic " + base64.b64encode(b"ada:secret").decode(),
        "Bearer ejy_x",
        "Digest username=ada, response=6629fae49393a05397450978507c4ef1",
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
