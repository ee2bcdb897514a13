"""How a program in a pod ended is read from what its node's kubelet writes, which may be anything."""

import json

import pytest

from services.executor.backends.kubernetes.channels import exit_code


def failed(*causes: object) -> bytes:
    return json.dumps({"status": "Failure", "message": "it failed", "details": {"causes": causes}}).encode()


def test_an_exit_code_is_what_its_cause_says() -> None:
    assert exit_code(b'{"status": "Success"}') == 0
    assert exit_code(failed({"reason": "Other"}, {"reason": "ExitCode", "message": "7"})) == 7


@pytest.mark.parametrize(
    "status",
    [
        failed(),
        failed(5),
        failed({"reason": "ExitCode"}),
        failed({"reason": "ExitCode", "message": None}),
        failed({"reason": "ExitCode", "message": "9" * 5000}),
        b'{"details": []}',
        b'{"details": {"causes": 5}}',
        b"[]",
        b"5",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_what_says_no_exit_code_is_an_end_that_nobody_knows(status: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        exit_code(status)
