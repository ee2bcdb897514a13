"""What the log looks like in production and on a terminal, and what is never in it."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

CANARY = "canary-4f1d"
PROGRAM = """
import logging, structlog
from shared.logging import configure
from shared.settings import PlatformSettings

settings = PlatformSettings()
configure(settings, "jobs")
log = structlog.get_logger()

def connect(url):
    password = url.rpartition(":")[2]
    raise ConnectionError("the database does not answer")

log.debug("too_quiet")
log.info("ready", services=["jobs"], text="two\\nlines", settings=settings)
with structlog.contextvars.bound_contextvars(job_id="01J", run_id="01J.1"):
    log.warning("run_stopping")
try:
    connect(settings.mongo_url.get_secret_value())
except ConnectionError:
    log.exception("store_away")
    logging.getLogger("library").exception("failed with %s", "grace")
logging.getLogger("library").info("chatter")
"""


def output(**environment: str) -> str:
    """What the program writes, in a process of its own: the log is set up once per process."""
    secret = {"JOBYARD_MONGO_URL": f"mongodb://ada:{CANARY}@db", "JOBYARD_NATS_URL": f"nats://ada:{CANARY}@bus"}
    own = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=own | secret | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in output().splitlines()]


def test_without_a_terminal_every_line_is_one_json_object(lines: list[dict[str, Any]]) -> None:
    assert [line["event"] for line in lines] == ["ready", "run_stopping", "store_away", "failed with grace"]
    assert lines[0]["text"] == "two\nlines"


def test_every_line_says_when_how_grave_and_of_which_service(lines: list[dict[str, Any]]) -> None:
    assert [line["level"] for line in lines] == ["info", "warning", "error", "error"]
    assert {line["service"] for line in lines} == {"jobs"}
    assert all(line["time"].endswith("Z") for line in lines)


def test_what_was_bound_once_stands_in_every_line_until_it_is_unbound(lines: list[dict[str, Any]]) -> None:
    assert [line.get("run_id") for line in lines] == [None, "01J.1", None, None]


def test_a_fault_has_its_traceback_in_the_same_object_also_from_a_library(lines: list[dict[str, Any]]) -> None:
    for line in lines[2:]:
        assert line["exception"].startswith("Traceback")
        assert line["exception"].endswith("ConnectionError: the database does not answer")


def test_the_level_decides_what_is_said() -> None:
    assert '"too_quiet"' in output(JOBYARD_LOG_LEVEL="debug")
    assert '"ready"' not in output(JOBYARD_LOG_LEVEL="warning")
    assert "chatter" not in output(JOBYARD_LOG_LEVEL="debug")


def test_people_can_have_lines_instead() -> None:
    text = output(JOBYARD_LOG_FORMAT="console")
    assert "run_stopping" in text
    assert not any(line.startswith("{") for line in text.splitlines())


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_never_appears_whatever_is_logged_beside_it(form: str) -> None:
    text = output(JOBYARD_LOG_FORMAT=form, JOBYARD_LOG_LEVEL="debug")
    assert "store_away" in text
    assert CANARY not in text
