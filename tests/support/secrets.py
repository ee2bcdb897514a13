"""What tests of the gateway's secrets share: setting one over HTTP."""

from tests.support.gateway import Gateway

MINE = "/me/secrets"
LAB = "/vcs/lab/secrets"
CANARY = "canary-5d0c1a"


async def put(yard: Gateway, name: str = "token", value: str = CANARY, path: str = MINE, who: str = "admin") -> None:
    """Set a secret in somebody's name."""
    answer = await yard.call("PUT", f"{path}/{name}", who, json={"value": value})
    assert answer.status_code in (200, 201), answer.text
