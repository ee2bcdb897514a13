"""The locks install anywhere: hashes for every pin, no registry addresses, and two files that fit together."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-node.lock")
PIN = re.compile(r"^([a-z0-9-]+)==\S+", re.MULTILINE)
LINE = re.compile(r"[a-z0-9-]+==[^/@]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?")


def names(lock: str) -> set[str]:
    return set(PIN.findall((ROOT / lock).read_text()))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_pin_or_a_hash(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / lock).read_text())
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def test_the_tests_only_add() -> None:
    """Beside what the first lock installs on Windows alone, which a tool of the tests may need everywhere."""
    elsewhere = set(
        re.findall(r"^([a-z0-9-]+)==\S+ ; sys_platform == 'win32'", (ROOT / LOCKS[0]).read_text(), re.MULTILINE)
    )
    both = names("requirements.lock") & names("requirements-dev.lock")
    assert both <= elsewhere
    assert both <= {"colorama", "tzdata"}


def test_the_demo_needs_no_test_tool() -> None:
    assert names("requirements.lock") & {"pytest", "mypy", "ruff", "hypothesis", "datamodel-code-generator"} == set()


def test_the_lock_of_the_console_names_no_registry() -> None:
    packages = json.loads((ROOT / "console" / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
