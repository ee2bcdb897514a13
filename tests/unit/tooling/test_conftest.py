"""With CI set a skip is a failure, whichever way a test is skipped, and in whichever process; without it, it stays one.

Side by side, a file is one worker's and so are those that would disturb one another, the slow kinds of tests come
first, and a worker that dies is a failure.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
OURS = ("conftest.py", "support/sharing_out.py")
"""What is tested here, among tests of a moment."""
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


def run(folder: Path, sources: dict[str, str], ci: bool, *ways: str) -> subprocess.CompletedProcess[str]:
    tests = folder / "tests"
    (tests / "support").mkdir(parents=True)
    for name in OURS:
        shutil.copy(TESTS / name, tests / name)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = tests\naddopts = --import-mode=importlib\n")
    for name, source in sources.items():
        path = tests / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.with_name(f"test_{path.name}").write_text(source)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST_"))} | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **({"CI": "true"} if ci else {}),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--continue-on-collection-errors"]
    return subprocess.run([*command, *ways], cwd=folder, env=environment, capture_output=True, text=True, check=False)


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
    assert re.search(r"crashed while running '?tests/test_deadly.py::test_it", result.stdout), result.stdout


FILES = ("browser/browser", "browser/more", "docker/engine", "contract/port", "faults/faults", "unit/unit")
BACKENDS = """import pytest
@pytest.mark.parametrize('number', range(3))
@pytest.mark.parametrize('backend', ['docker', 'kubernetes', 'process'])
def test_it(backend, number): ...
"""


def ran(folder: Path, workers: int, sources: dict[str, str]) -> list[tuple[str, str]]:
    """Which worker has run a test of which file, in their order; a test of `BACKENDS` counts with its parameter."""
    result = run(folder, sources, True, *SIDE_BY_SIDE[:-1], str(workers), "-v")
    found = re.findall(r"\[(gw\d)\] .* PASSED tests/(\w+/)test_(\w+)\.py::test_it\[(docker|kubernetes)?", result.stdout)
    assert len(found) == 9 * len(sources), result.stdout
    return [(worker, kind + name + backend) for worker, kind, name, backend in found]


def test_a_file_is_one_workers_and_those_that_would_disturb_one_another_are_the_same_ones(tmp_path: Path) -> None:
    those = {(file, worker) for worker, file in ran(tmp_path, 2, dict.fromkeys(FILES, PASSES))}
    worker_of = dict(those)
    assert len(those) == len(worker_of) == len(FILES)
    assert worker_of["browser/browser"] == worker_of["browser/more"] == worker_of["docker/engine"]


def test_the_tests_of_a_backend_are_one_workers_and_beside_them_are_those_of_another(tmp_path: Path) -> None:
    sources = {"docker/engine": PASSES, "kubernetes/cluster": PASSES, "contract/backend": BACKENDS}
    those = {(file, worker) for worker, file in ran(tmp_path, 2, sources)}
    worker_of = dict(those)
    assert len(those) == len(worker_of) == 5
    assert worker_of["docker/engine"] == worker_of["contract/backenddocker"]
    assert worker_of["kubernetes/cluster"] == worker_of["contract/backendkubernetes"]
    assert worker_of["docker/engine"] != worker_of["kubernetes/cluster"]


def test_the_slow_kinds_of_tests_come_first(tmp_path: Path) -> None:
    files = [file for _, file in ran(tmp_path, 1, dict.fromkeys(FILES, PASSES))]
    assert list(dict.fromkeys(files)) == [
        *("browser/browser", "browser/more", "docker/engine", "faults/faults", "contract/port", "unit/unit"),
    ]
