"""`POST /jobs:validate` and `jobyard submit --dry-run`: a submission's answer with nothing stored; and warnings."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

HELLO = {"name": "hello", "command": "echo hello"}
BAD: list[Any] = [
    {"name": "hello"},
    {**HELLO, "name": "two words"},
    {**HELLO, "name": {"$ne": None}},
    {**HELLO, "unknown": 1},
    {**HELLO, "devices": -1},
    {**HELLO, "nodes": 10**9},
    {**HELLO, "priority": "high"},
    {**HELLO, "vc": "elsewhere"},
    {**HELLO, "owner": "eve"},
    {**HELLO, "work_path": "../../etc"},
    {**HELLO, "image": "--privileged"},
    {**HELLO, "env": {"TOKEN": {"secret": "NOBODY_HAS_IT"}}},
    {**HELLO, "notify": [{"to": "gopher:x"}]},
    {**HELLO, "notify": [{"to": "mailto:ada@example.org", "on": ["sneezed"]}]},
    {**HELLO, "labels": {"a\nb": "c"}},
    [HELLO],
    "hello",
]


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform() as running:
        yield running


def answer(yard: Platform, path: str, body: Any) -> tuple[int, dict[str, Any]]:
    """The answer without what names this one request."""
    response = yard.post(f"/api/v1{path}", json=body, headers=yard.headers())
    found: dict[str, Any] = response.json()
    return response.status_code, {name: value for name, value in found.items() if name != "request_id"}


def stored(yard: Platform) -> int:
    return int(yard.call("GET", "/jobs", 200)["total"])


@pytest.mark.parametrize("body", BAD, ids=repr)
def test_what_a_submission_is_refused_with_validation_is_refused_with(yard: Platform, body: Any) -> None:
    before = stored(yard)
    refused = answer(yard, "/jobs", body)
    assert 400 <= refused[0] < 500
    assert answer(yard, "/jobs:validate", body) == refused
    assert stored(yard) == before


def test_the_job_is_shown_as_it_would_be_and_nothing_is_stored(yard: Platform) -> None:
    before = stored(yard)
    planned = yard.call("POST", "/jobs:validate", 200, json=HELLO | {"priority": 7, "env": {"A": "1"}})
    assert stored(yard) == before
    yard.call("GET", f"/jobs/{planned['job']['id']}", 404)
    real = yard.call("POST", "/jobs", 201, json=HELLO | {"priority": 7, "env": {"A": "1"}})
    own = {"id", "submitted_at", "job_path", "checkpoint_path", "actions"}
    assert {k: v for k, v in planned["job"].items() if k not in own} == {k: v for k, v in real.items() if k not in own}
    assert planned["warnings"] == [] and planned["job"]["actions"] == []


def test_a_bound_of_the_virtual_cluster_holds_for_both(yard: Platform) -> None:
    yard.call("POST", "/vcs", 201, json={"name": "narrow", "jobs_per_user": 1})
    yard.call("PATCH", "/users/admin", 200, json={"vcs": {"narrow": "member"}})
    hello = HELLO | {"vc": "narrow"}
    wait_until(lambda: answer(yard, "/jobs:validate", hello)[0] == 200, "the admin is a member")
    held = yard.call("POST", "/jobs", 201, json=hello | {"device_type": "h100", "devices": 1})
    refused = answer(yard, "/jobs", hello)
    assert refused[0] == 409
    assert answer(yard, "/jobs:validate", hello) == refused
    yard.call("POST", f"/jobs/{held['id']}/kill", 202)


def test_what_would_be_in_its_way_for_long_is_a_warning_and_no_refusal(yard: Platform) -> None:
    absent = yard.call("POST", "/jobs:validate", 200, json=HELLO | {"device_type": "h100", "devices": 1})
    assert absent["warnings"] == ["No node has h100. The yard has no devices."]


def jobyard(yard: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = yard._environment | {"JOBYARD_URL": yard.url, "JOBYARD_DATA": str(yard.data)}
    command = [sys.executable, "-m", "jobyard", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=yard.data, check=False)


def test_a_dry_run_shows_what_would_be_submitted(yard: Platform) -> None:
    before = stored(yard)
    shown = jobyard(
        yard, "submit", "--dry-run", "--name", "try", "--device-type", "h100", "--devices", "1", "--", "true"
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("would be submitted\n") and "  Priority          100\n" in shown.stdout
    assert "  Id " not in shown.stdout and "Submitted" not in shown.stdout
    assert "warning: No node has h100." in shown.stderr and shown.stderr.endswith("Nothing was submitted.\n")
    printed = json.loads(jobyard(yard, "submit", "--dry-run", "--json", "--name", "try", "--", "true").stdout)
    assert printed["job"]["name"] == "try" and printed["warnings"] == []
    refused = jobyard(yard, "submit", "--dry-run", "--name", "two words", "--", "true")
    assert refused.returncode == 4 and "name" in refused.stderr
    assert jobyard(yard, "submit", "--dry-run", "--wait", "--name", "try", "--", "true").returncode == 4
    assert stored(yard) == before


def test_a_dry_run_of_a_list_says_of_each_what_is_wrong(yard: Platform) -> None:
    file = yard.data / "jobs.json"
    file.write_text(json.dumps([HELLO, {"name": "no-command"}, HELLO]))
    before = stored(yard)
    shown = jobyard(yard, "submit", "--dry-run", "-f", str(file))
    assert shown.returncode == 4 and shown.stdout.count("would be submitted") == 2
    assert "error: job 2 (no-command): " in shown.stderr
    assert stored(yard) == before


def test_an_image_that_is_not_used_is_a_warning_when_it_is_submitted_and_stands_in_the_history(yard: Platform) -> None:
    submitted = jobyard(yard, "submit", "--name", "boxed", "--image", "python:3.12", "--", "sleep 600")
    assert submitted.returncode == 0, submitted.stderr
    assert submitted.stderr == (
        "warning: Every node runs jobs on the host itself (the process backend): the image python:3.12 is not used.\n"
    )
    id = submitted.stdout.strip()
    yard.wait(id, "running")
    brief = jobyard(yard, "get", id).stdout
    assert brief.startswith("running: Node ") and "the image python:3.12 is not used. (image_not_used)" in brief
    assert "the image python:3.12 is not used." in jobyard(yard, "events", id).stdout
    yard.call("POST", f"/jobs/{id}/kill", 202)
    plain = jobyard(yard, "submit", "--name", "plain", "--", "true")
    assert (plain.returncode, plain.stderr) == (0, "")
