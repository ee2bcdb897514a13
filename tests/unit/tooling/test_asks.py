"""What a service asks stands in its ASKS, from which its account on NATS is made; all else would be denied."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from docs.tools.accounts import ASKS, OF_TOOLS
from docs.tools.messages import SERVICES
from shared.bus.subscriptions import Answers
from shared.contracts import commands
from shared.contracts.commands.command import Command

ROOT = Path(__file__).parents[3]


PACKAGE = commands.__name__


def named(service: str) -> set[str]:
    """The subjects of all commands whose names stand in the service's code."""
    files = (ROOT / "services" / service).rglob("*.py")
    return {subject for path in files for subject in _named_in(ast.parse(path.read_text()))}


def _named_in(tree: ast.AST) -> set[str]:
    """By `from shared.contracts.commands.jobs import GET`, or by `jobs.GET` where that module was imported."""
    imports = [(node.module or "", node.names) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules = {alias.name for module, names in imports if module == PACKAGE for alias in names}
    named = [(module, alias.name) for module, names in imports for alias in names if module.startswith(f"{PACKAGE}.")]
    named += [
        (f"{PACKAGE}.{node.value.id}", node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    ]
    found = [getattr(import_module(module), name) for module, name in named]
    return {command.subject for command in found if isinstance(command, Command)}


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
