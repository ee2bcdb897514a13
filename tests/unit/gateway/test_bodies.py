"""What is wrong with a body: which field, and a sentence to act on."""

import json
from typing import Any

import pytest

from services.gateway.bodies import fingerprint, parsed
from services.gateway.resources.submissions import JobRequest
from shared.contracts.errors import Invalid
from shared.contracts.job import IDLE

GOOD: dict[str, Any] = {"name": "hello", "command": "echo hi"}


def errors_of(raw: str | bytes) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        parsed(JobRequest, raw.encode() if isinstance(raw, str) else raw)
    assert refused.value.message.endswith(".")
    return {error.field: error.message for error in refused.value.errors}


def test_a_good_body_gets_its_defaults() -> None:
    request, plain = parsed(JobRequest, json.dumps(GOOD).encode())
    assert (request.priority, request.nodes, request.device_type, request.devices) == (100, 1, "cpu", 0)
    assert (request.vc, request.preemptible, request.retries, request.grace_period_s) == ("default", False, 0, 30)
    assert plain == GOOD


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": None}, "name", "string"),
        ({"name": "-x"}, "name", "must begin with a letter or digit"),
        ({"name": "x" * 65}, "name", "64"),
        ({"name": "a;rm -rf"}, "name", "must begin"),
        ({"name": "a\nb"}, "name", "must begin"),
        ({"name": {"$ne": None}}, "name", "string"),
        ({"command": 3}, "command", "line for the shell, or a list"),
        ({"command": True}, "command", "line for the shell, or a list"),
        ({"command": ""}, "command", "at least 1"),
        ({"command": []}, "command", "at least 1"),
        ({"command": ["ls", 3]}, "command.1", "string"),
        ({"command": "a\0b"}, "command", "NUL"),
        ({"image": "--privileged x"}, "image", "without spaces or options"),
        ({"priority": True}, "priority", "whole number"),
        ({"priority": "1"}, "priority", "whole number"),
        ({"priority": 0}, "priority", "at least 1"),
        ({"priority": 1001}, "priority", "at most 1000"),
        ({"priority": 10**40}, "priority", ""),
        ({"devices": -1}, "devices", "at least 0"),
        ({"devices": 2}, "devices", "device_type"),
        ({"nodes": 10**9}, "nodes", "at most 64"),
        ({"nodes": 2000}, "nodes", "at most 64"),
        ({"nodes": 65}, "nodes", "at most 64"),
        ({"nodes": 64, "devices": 65, "device_type": "v100"}, "devices", "at most 4096"),
        ({"retries": 101}, "retries", "at most 100"),
        ({"preemptible": 1}, "preemptible", "true or false"),
        ({"cpus": 0.001}, "cpus", "at least 0.01"),
        ({"interactive_ports": [80]}, "interactive_ports.0", "1024"),
        ({"endpoints": ["ftp"]}, "endpoints.0", "ssh"),
        ({"env": {"1": "x"}}, "env.1", "names must begin"),
        ({"env": {"JOBYARD_X": "x"}}, "env", "JOBYARD_"),
        ({"env": {"A": 1}}, "env.A", "string"),
        ({"labels": {"a": "b\n"}}, "labels.a", "63"),
        ({"labels": {"$where": "x"}}, "labels.$where", "63"),
        ({"data_path": "../x"}, "data_path", ".."),
        ({"work_path": "a/%252e%252e/b"}, "work_path", "encoded"),
        ({"job_path": "a\0"}, "job_path", "control"),
        ({"pririty": 1}, "pririty", "did you mean 'priority'"),
        ({"zzz": 1}, "zzz", "remove it"),
        ({"status": "running"}, "status", "not known here"),
        ({"a.b": 1, "$set": 2}, "$set", "not known here"),
    ],
)
def test_a_wrong_field_is_named_with_what_to_do(change: dict[str, Any], field: str, says: str) -> None:
    errors = errors_of(json.dumps(GOOD | change))
    assert says in errors[field]


def test_each_missing_field_is_named() -> None:
    assert errors_of("{}") == {"name": "is required"}
    assert errors_of('{"name": "a"}')["command"].startswith("is required; only a job with endpoints")


def test_a_job_that_people_get_into_needs_no_command() -> None:
    for field in (b'"endpoints": ["jupyter"]', b'"interactive_ports": [8080]'):
        assert parsed(JobRequest, b'{"name": "a", ' + field + b"}")[0].command == IDLE
    assert "command" in errors_of('{"name": "a", "endpoints": [], "interactive_ports": []}')
    assert "command" in errors_of('{"name": "a", "command": null, "endpoints": ["ssh"]}')


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e309"])
def test_numbers_that_are_none(number: str) -> None:
    assert "cpus" in errors_of(f'{{"name": "a", "command": "b", "cpus": {number}}}')
    assert "devices" in errors_of(f'{{"name": "a", "command": "b", "devices": {number}}}')


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b'{"name": "a", "command": "b"} x',
        b'{"name": "\xff", "command": "b"}',
        b'{"name": "a", "command": "\\ud800"}',
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_json_object_is_refused_in_one_sentence(raw: bytes) -> None:
    (message,) = errors_of(raw).values()
    assert "JSON" in message


def test_a_field_that_is_there_twice_is_refused() -> None:
    assert "twice" in errors_of('{"name": "a", "name": "b", "command": "c"}')["name"]
    assert "twice" in errors_of('{"name": "a", "command": "c", "env": {"A": "1", "A": "2"}}')["A"]


def test_values_are_never_repeated() -> None:
    with pytest.raises(Invalid) as refused:
        parsed(JobRequest, b'{"name": "canary secret", "command": "x", "env": {"A": 31337}}')
    assert "canary" not in refused.value.message
    assert "31337" not in str(refused.value.errors)


def test_the_fingerprint_is_of_the_content() -> None:
    assert fingerprint({"a": 1, "b": [1, 2]}) == fingerprint({"b": [1, 2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert fingerprint({"a": "1"}) != fingerprint({"a": 1})
