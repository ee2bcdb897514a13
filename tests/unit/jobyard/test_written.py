"""What the console's form gives to copy: of each line and file, `jobyard submit` sends exactly what the form would.

The cases lie beside the console's code, whose own tests hold it to the same lines and files.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jobyard.cli.app import app
from tests.support.api_answers import job
from tests.support.platform import CHECKOUT
from tests.support.scripted_server import Answer, ScriptedServer

CASES: list[dict[str, Any]] = json.loads((CHECKOUT / "console/src/submit/cases.json").read_text(encoding="utf-8"))
SHELL = """jobyard() { printf '%s\\0' "$@"; printf '\\0\\0'; cat; }\n"""
"""Stands for the command in a shell: shows what arrived, the words first, then standard input."""

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])


@pytest.fixture(autouse=True)
def environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_URL", server.url)
    monkeypatch.setenv("JOBYARD_TOKEN", "token")


def read_by_a_shell(line: str, folder: Path) -> tuple[list[str], str]:
    """The words after `jobyard`, and what it gets on standard input."""
    shown = subprocess.run(
        ["/bin/sh", "-c", SHELL + line],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert shown.stderr == b""
    words, given = shown.stdout.split(b"\0\0\0", 1)
    return words.decode().split("\0"), given.decode()


def sent(server: ScriptedServer, words: list[str], given: str) -> Any:
    server.on("POST", "/api/v1/jobs", Answer(201, job()))
    result = CliRunner().invoke(app, words, input=given)
    assert result.exit_code == 0, result.output
    return server.asked[-1].body


@each_case
def test_the_command_line_submits_what_the_form_would(
    server: ScriptedServer, tmp_path: Path, case: dict[str, Any]
) -> None:
    assert sent(server, *read_by_a_shell(case["line"], tmp_path)) == stored_elsewhere(case["request"])


@each_case
@pytest.mark.parametrize("format", ["yaml", "json"])
def test_the_file_submits_what_the_form_would(server: ScriptedServer, case: dict[str, Any], format: str) -> None:
    assert sent(server, ["submit", "--file", "-"], case[format]) == stored_elsewhere(case["request"])


def stored_elsewhere(request: dict[str, Any]) -> dict[str, Any]:
    """For the command a path that begins with `./` starts where it runs; so the console leaves that away."""
    named = {"data_path": "data", "work_path": "x"}
    return {**request, **{field: path for field, path in named.items() if request.get(field, "").startswith("./")}}
