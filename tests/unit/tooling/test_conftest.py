"""With CI set a skip is a failure, whichever way a test is skipped; without it, it stays a skip."""

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[2] / "conftest.py"
SKIPS = {
    "by_mark": "import pytest\n@pytest.mark.skip(reason='no browser here')\ndef test_it(): ...\n",
    "by_call": "import pytest\ndef test_it(): pytest.skip('no browser here')\n",
    "by_fixture": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('no browser here')\ndef test_it(f): ...\n",
    "by_module": "import pytest\npytest.skip('no browser here', allow_module_level=True)\n",
}
XFAIL = "import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n"


def run(folder: Path, sources: dict[str, str], ci: bool) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, source in sources.items():
        (folder / f"test_{name}.py").write_text(source)
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **({"CI": "true"} if ci else {}),
    }
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "--continue-on-collection-errors"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_skip_fails_with_ci(tmp_path: Path) -> None:
    result = run(tmp_path, SKIPS, ci=True)
    assert result.returncode == 1, result.stdout
    assert "1 failed, 3 errors in" in result.stdout
    assert result.stdout.count("With CI set, nothing may be skipped.") >= len(SKIPS)
    assert "no browser here" in result.stdout


def test_a_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    result = run(tmp_path, SKIPS, ci=False)
    assert result.returncode == 0
    assert "4 skipped in" in result.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    result = run(tmp_path, {"it": XFAIL}, ci=True)
    assert result.returncode == 0
    assert "1 xfailed in" in result.stdout
