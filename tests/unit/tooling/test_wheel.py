"""The wheel is the public package alone, and what it imports is what it declares."""

import ast
import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DISTRIBUTION = {"yaml": "pyyaml"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def test_it_holds_only_jobyard(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"jobyard"}
    assert "jobyard/py.typed" in wheel.namelist()


def test_its_imports_are_its_dependencies(wheel: zipfile.ZipFile) -> None:
    imported: set[str] = set()
    for name in wheel.namelist():
        if name.endswith(".py"):
            for node in ast.walk(ast.parse(wheel.read(name))):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    imported.add(node.module.split(".")[0])
    third = {DISTRIBUTION.get(name, name) for name in imported - sys.stdlib_module_names - {"jobyard"}}
    (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    requires = message_from_bytes(wheel.read(metadata)).get_all("Requires-Dist", [])
    assert third == {re.split(r"[^a-z0-9-]", line)[0] for line in requires}
