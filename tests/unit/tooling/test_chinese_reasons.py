"""Every reason that a job or one of its endpoints may have is told in Chinese too, by the console's catalogue."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from services.gateway.domain.registries import CODES
from tests.support.platform import CHECKOUT

CATALOGUE = CHECKOUT / "console/src/locales/zh/reasons.ts"
TELLING = ("endpoints", "executor", "jobs", "scheduler")
"""The services that say why something is where it is."""
NAMED = {"work_path_missing", "data_path_missing"} | CODES
"""Codes that are made of a field's name, and those of images that are not pinned."""


def codes(path: Path) -> Iterator[str]:
    """The codes that a module's calls of Reason and Cause name, as they are or by a constant of the module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = {
        target.id: assigned.value.value
        for assigned in tree.body
        if isinstance(assigned, ast.Assign) and isinstance(assigned.value, ast.Constant)
        for target in assigned.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Cause", "Reason"):
            for given in (*call.args[:1], *(word.value for word in call.keywords if word.arg == "code")):
                code = given.value if isinstance(given, ast.Constant) else known.get(getattr(given, "id", ""))
                if isinstance(code, str):
                    yield code


def test_no_reason_is_left_in_english() -> None:
    chinese = set(re.findall(r"^    ([a-z_]+): \(", CATALOGUE.read_text(encoding="utf-8"), re.MULTILINE))
    modules = [path for service in TELLING for path in (CHECKOUT / "services" / service).rglob("*.py")]
    told = {code for path in modules for code in codes(path)} | NAMED
    assert {"waiting_for_devices", "starting", "run_lost", "path_outside", "devices_busy", "kept"} <= told
    assert told - chinese == set()
