"""The API keeps to its own document: schemathesis asks every operation, well and badly, on the running platform.

No answer is a fault, and none has a status, a content type or a form that `docs/openapi.json` does not name.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    CheckFunction,
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.platform import CHECKOUT, Platform, platform

EXAMPLES = 25
ANSWER_S = 30
CHECKS: tuple[CheckFunction, ...] = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
schema = schemathesis.openapi.from_dict(json.loads((CHECKOUT / "docs" / "openapi.json").read_text()))


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform("v100=4", JOBYARD_GATEWAY_WRONG_PASSWORDS_PER_MINUTE="100000") as running:
        yield running


@pytest.fixture(scope="module")
def jobs(yard: Platform) -> list[str]:
    """One that is over, with a console, and one that waits."""
    over = yard.submit("echo hello", name="over", cpus=0.05)
    waits = yard.submit("true", name="waits", device_type="none-such", devices=1)
    yard.wait(over)
    return [over, waits]


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_names(
    case: schemathesis.Case[Any], yard: Platform, jobs: list[str]
) -> None:
    _aim(case, jobs)
    sent = case.as_transport_kwargs(base_url=yard.url, headers=yard.headers())
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(**sent, stream=True, timeout=ANSWER_S)
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            assert "text/event-stream" in _documented(case, answer)
            answer.close()
            return
        checks = [check for check in CHECKS if answer.status_code != 503 or check is not not_a_server_error]
        case.validate_response(answer, checks=checks, excluded_checks=[])


def _documented(case: schemathesis.Case[Any], answer: requests.Response) -> dict[str, Any]:
    """The content types of this status."""
    content: dict[str, Any] = case.operation.definition.raw["responses"][str(answer.status_code)]["content"]
    return content


def _aim(case: schemathesis.Case[Any], jobs: list[str]) -> None:
    """Let every other id be that of a job that exists, and let no command that somebody made up be carried out."""
    path = case.path_parameters
    if "job_id" in path and isinstance(path["job_id"], str):
        turn = sum(path["job_id"].encode(errors="replace")) % 4
        path["job_id"] = jobs[turn] if turn < len(jobs) else path["job_id"]
    for request in _submissions(case.body):
        command = request.get("command")
        if isinstance(command, str):
            request["command"] = f"exit 0\n{command}"
        elif isinstance(command, list) and command and isinstance(command[0], str):
            command[0] = "true"


def _submissions(body: Any) -> Iterator[dict[str, Any]]:
    if isinstance(body, dict):
        yield body
        jobs = body.get("jobs")
        yield from (one for one in (jobs if isinstance(jobs, list) else ()) if isinstance(one, dict))
