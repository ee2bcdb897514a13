"""What a service asks stands in its ASKS, from which its account on NATS is made; all else would be denied."""

import ast
from pathlib import Path

import pytest

from docs.tools.accounts import ASKS, OF_TOOLS
from docs.tools.messages import SERVICES
from shared.bus.subscriptions import Answers
from shared.contracts import commands
from shared.contracts.commands import Command

ROOT = Path(__file__).parents[3]


def named(service: str) -> set[str]:
    """The subjects of all commands whose names stand in the service's code."""
    found = set()
    for path in (ROOT / "services" / service).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == commands.__name__:
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "commands":
                names = [node.attr]
            else:
                continue
            those = (getattr(commands, name, None) for name in names)
            found |= {command.subject for command in those if isinstance(command, Command)}
    return found


@pytest.mark.parametrize("service", ASKS)
def test_a_service_says_all_that_it_asks(service: str) -> None:
    answered = {one.command.subject for one in SERVICES.get(service, ()) if isinstance(one, Answers)}
    asked = {command.subject for command in ASKS[service] if not command.subject.endswith(".health.v1")}
    assert named(service) == answered | asked


def test_an_operators_tool_says_all_that_it_asks() -> None:
    assert named("admin") == {command.subject for command in OF_TOOLS["operator"]}


def test_every_service_has_an_account() -> None:
    assert set(ASKS) == {*SERVICES, "gateway"}
    assert {path.parent.name for path in (ROOT / "services").glob("*/handlers.py")} == set(ASKS)
