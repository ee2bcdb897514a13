"""What a script reports: whole lines for the platform, whoever writes them, and no reason to fail in mid-training."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import jobyard
from services.executor.domain.reports import read
from shared.contracts.metrics import REPORTED_NAMES

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "run.jsonl"
    monkeypatch.setenv("JOBYARD_METRICS_FILE", str(path))
    return path


def lines(file: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script in an interpreter of its own, outside of every job unless it is told otherwise."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=clean | {"PYTHONPATH": str(CHECKOUT)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )


def test_values_become_a_line_with_the_moment_and_the_platform_reads_them(file: Path) -> None:
    before = time.time()
    jobyard.report(loss=0.5, step=1)
    jobyard.report({"train/loss": 0.25}, step=2)
    first, second = lines(file)
    assert (first["loss"], first["step"], second["train/loss"], second["step"]) == (0.5, 1, 0.25, 2)
    assert before - 1 <= first["time"] <= second["time"]
    found = read(file.read_bytes().splitlines(), ())
    assert (found.values, found.dropped) == ({"loss": 0.5, "step": 2, "train/loss": 0.25}, 0)


def test_whatever_becomes_a_number_is_one(file: Path) -> None:
    class Scalar:
        """As tensors of one element are."""

        def __float__(self) -> float:
            return 1.5

    jobyard.report(a=Scalar(), b=Decimal("2.5"), c=True)
    assert [lines(file)[0][name] for name in "abc"] == [1.5, 2.5, 1.0]


class Array:
    """As numpy's and torch's are: `item()` gives the one element, and float() need not."""

    def __init__(self, *elements: Any, error: type[Exception] = ValueError) -> None:
        self._elements = elements
        self._error = error

    def __float__(self) -> float:
        raise TypeError("only 0-dimensional arrays can be converted to Python scalars")

    def item(self) -> Any:
        if len(self._elements) != 1:
            raise self._error("can only convert an array of size 1 to a Python scalar")
        return self._elements[0]


def test_arrays_of_one_element_are_numbers(file: Path) -> None:
    jobyard.report(a=Array(2.5), b=Array(3))
    assert [lines(file)[0][name] for name in "ab"] == [2.5, 3]


@pytest.mark.parametrize(
    "value", [Array(1, 2), Array(), Array(1, 2, error=RuntimeError), Array(1j), Array(None), Array("x")]
)
def test_other_arrays_are_a_mistake_of_the_script(file: Path, value: Array) -> None:
    with pytest.raises(TypeError, match=r"loss is Array, which is no number"):
        jobyard.report(loss=value)
    assert not file.exists()


@pytest.mark.parametrize(
    ("given", "name"), [(("acc", 5), "acc"), ((5,), "loss"), (("a b", 5), "loss"), (([1],), "loss"), (({}, 5), "loss")]
)
def test_values_without_their_names_are_answered_with_what_to_write(
    file: Path, given: tuple[Any, ...], name: str
) -> None:
    with pytest.raises(TypeError, match=re.escape(f"report({name}=5)")):
        jobyard.report(*given)
    assert not file.exists()


@pytest.mark.parametrize("name", ["", "1st", "a b", "a\nb", "é", "x" * 65, "$ne", "time", '"', "loss{}"])
def test_a_name_that_is_none_is_a_mistake_of_the_script(file: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name for a value"):
        jobyard.report({name: 1.0})
    assert not file.exists()


@pytest.mark.parametrize("value", ["0.5", b"1", None, [1.0], {}, 10**400, 1j])
def test_a_value_that_is_no_number_is_a_mistake_of_the_script(file: Path, value: Any) -> None:
    with pytest.raises(TypeError, match=r"loss is .*number"):
        jobyard.report(loss=value)
    assert not file.exists()


def test_more_names_at_once_than_a_job_may_have_are_refused(file: Path) -> None:
    jobyard.report({f"n{number}": number for number in range(REPORTED_NAMES)})
    with pytest.raises(ValueError, match="at most 100 names, and these are 101"):
        jobyard.report({f"n{number}": number for number in range(REPORTED_NAMES + 1)})
    assert len(lines(file)) == 1


def test_a_loss_that_has_become_nan_does_not_end_the_script_and_is_told_as_such(file: Path) -> None:
    jobyard.report(loss=float("nan"), step=7)
    found = read(file.read_bytes().splitlines(), ())
    assert (found.values, found.not_finite, found.dropped) == ({"step": 7}, ("loss",), 0)


def test_lines_of_many_threads_and_processes_stay_whole(file: Path) -> None:
    def work(number: int) -> None:
        for step in range(200):
            jobyard.report({f"thread{number}": step})

    code = "import jobyard\nfor step in range(200): jobyard.report(child=step)"
    children = [
        subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(CHECKOUT)}) for _ in "ab"
    ]
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.wait() for child in children] == [0, 0]
    found = lines(file)
    assert len(found) == 4 * 200 + 2 * 200
    for number in range(4):  # each thread's own stay in order
        assert [line[f"thread{number}"] for line in found if f"thread{number}" in line] == list(range(200))


def test_outside_of_a_job_it_says_so_once_and_does_nothing() -> None:
    done = run("import jobyard\nfor step in range(3): jobyard.report(loss=0.1, step=step)")
    assert done.stdout == ""
    assert done.stderr.count("JOBYARD_METRICS_FILE is not set") == len(done.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_told_once_and_the_script_goes_on(tmp_path: Path) -> None:
    nowhere = tmp_path / "gone" / "run.jsonl"
    code = "import jobyard\nfor step in range(3): jobyard.report(step=step)\nprint('trained')"
    done = run(code, JOBYARD_METRICS_FILE=str(nowhere))
    assert done.stdout == "trained\n"
    assert done.stderr.count(f"{nowhere} cannot be written") == len(done.stderr.splitlines()) == 1


def test_reporting_loads_nothing_but_the_standard_library(tmp_path: Path) -> None:
    heavy = ("pydantic", "httpx", "rich")
    code = f"import sys, jobyard\njobyard.report(a=1)\nprint([name for name in {heavy} if name in sys.modules])"
    assert run(code, JOBYARD_METRICS_FILE=str(tmp_path / "f")).stdout == "[]\n"
