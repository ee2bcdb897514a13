"""With CI set a skip is a failure, whichever way a test is skipped, and in whichever process; without it, it stays one.

Side by side, a file is one worker's, the slow kinds of tests come first, and a worker that dies is a failure.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONFTEST = Path(__file__).parents[2] / "conftest.py"
SKIPS = {
    "by_mark": "import pytest\n@pytest.mark.skip(reason='no browser here')\ndef test_it(): ...\n",
    "by_call": "import pytest\ndef test_it(): pytest.skip('no browser here')\n",
    "by_fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('no browser here')\ndef test_it(f): ...\n",
    "by_module": "import pytest\npytest.skip('no browser here', allow_module_level=True)\n",
}
XFAIL = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n"
PASSES = "import pytest\n@pytest.mark.parametrize('number', range(9))\ndef test_it(number): ...\n"
DIES = "import os\ndef test_it(): os._exit(1)\n"
FAILS = "import logging\ndef test_it():\n    logging.error('what it said')\n    assert False\n"
SIDE_BY_SIDE = ("-p", "xdist.plugin", "-n", "2")
either_way = pytest.mark.parametrize("ways", [(), SIDE_BY_SIDE], ids=["one by one", "side by side"])


def options() -> list[str]:
    """Those of every run here: pyproject.toml says how files are shared out."""
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["addopts"]
    return [option for option in configured if option.startswith(("--dist", "--no-loadscope"))]


def run(folder: Path, sources: dict[str, str], ci: bool, *ways: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, source in sources.items():
        path = folder / f"{name}.py"
        path = path.with_name(f"test_{path.name}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST_"))} | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **({"CI": "true"} if ci else {}),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--continue-on-collection-errors"]
    command += [*ways, *(options() if ways else ())]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@either_way
def test_a_skip_fails_with_ci(tmp_path: Path, ways: tuple[str, ...]) -> None:
    result = run(tmp_path, SKIPS, True, *ways)
    assert result.returncode == 1, result.stdout
    assert "1 failed, 3 errors in" in result.stdout
    assert result.stdout.count("With CI set, nothing may be skipped.") >= len(SKIPS)
    assert "no browser here" in result.stdout


@either_way
def test_a_skip_is_a_skip_elsewhere(tmp_path: Path, ways: tuple[str, ...]) -> None:
    result = run(tmp_path, SKIPS, False, *ways)
    assert result.returncode == 0
    assert "4 skipped in" in result.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    result = run(tmp_path, {"it": XFAIL}, ci=True)
    assert result.returncode == 0
    assert "1 xfailed in" in result.stdout


def test_a_failure_in_a_worker_is_named_and_says_what_was_logged(tmp_path: Path) -> None:
    result = run(tmp_path, {"good": PASSES, "bad": FAILS}, True, *SIDE_BY_SIDE)
    assert result.returncode == 1
    assert "test_bad.py" in result.stdout and "what it said" in result.stdout
    assert "1 failed, 9 passed in" in result.stdout


def test_a_worker_that_dies_is_a_failure_that_names_its_test(tmp_path: Path) -> None:
    result = run(tmp_path, {"good": PASSES, "deadly": DIES}, True, *SIDE_BY_SIDE)
    assert result.returncode == 1, result.stdout
    assert re.search(r"crashed while running '?test_deadly.py::test_it", result.stdout), result.stdout


def ran(folder: Path, workers: int) -> list[tuple[str, str]]:
    """Which worker has run which folder's tests, in their order."""
    kinds = ("browser", "contract", "faults", "integration", "unit")
    files = {f"{kind}/{kind}": PASSES for kind in kinds}
    result = run(folder, files, True, *SIDE_BY_SIDE[:-1], str(workers), "-v")
    found = re.findall(r"\[(gw\d)\] .* PASSED (\w+)/test_", result.stdout)
    assert len(found) == 9 * len(kinds), result.stdout
    return found


def test_a_file_is_one_workers(tmp_path: Path) -> None:
    together = set(ran(tmp_path, 2))
    assert len(together) == len({kind for _, kind in together}) == 5


def test_the_slow_kinds_of_tests_come_first(tmp_path: Path) -> None:
    assert list(dict.fromkeys(kind for _, kind in ran(tmp_path, 1))) == [
        *("faults", "browser", "integration", "contract", "unit"),
    ]
