"""What is started in a pod beside its command: its variables stand on no command line, and no start is made up."""

import os
import subprocess
from collections.abc import Callable

import pytest

from services.executor.backends.kubernetes import lasting, programs
from services.executor.backends.kubernetes.programs import Process
from services.executor.backends.refusals import SENTENCE_CHARS
from shared.contracts.errors import Conflict, Invalid
from shared.contracts.streams import Child
from tests.support.shells import SHELLS

ODD = {
    "JUPYTER_TOKEN": "t0ken",
    "LINES": "one\n--\n  two\n",
    "QUOTES": 'it\'s "$HOME" $(id) `id` \\ \\n \r',
    "KEYS": "\x03\x04\x1a\x15\x16\x7f\x1b[A\t",
    "LONG": "Grüße' \x03\n" * 2000,
    "PLAIN": "x" * 5000,
    "EMPTY": "",
    "IFS": " x",
    "WORDS": "Grüße 你好",
}


def jupyter(**changes: object) -> Child:
    return Child.model_validate({"name": "jupyter", "argv": ("jupyter", "lab"), "env": ODD, **changes})


@pytest.mark.parametrize("starting", [lasting.starting, programs.entering])
def test_the_variables_of_a_program_stand_on_no_command_line(starting: Callable[[Child, str], list[str]]) -> None:
    command = "\n".join(starting(jupyter(), "/work"))
    assert "t0ken" not in command
    assert "JUPYTER_TOKEN" not in command
    assert b"t0ken" in programs.told(jupyter())


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "command",
    [
        programs.entering(jupyter(), "/work"),
        programs.hanging_up(Process(17, 1)),
        programs.signalling(Process(17, 1), "INT"),
        lasting.starting(jupyter(), "/work"),
        lasting.finding("jupyter"),
        lasting.watching("jupyter", "t0ken"),
        lasting.stopping("jupyter"),
    ],
)
def test_each_script_is_one_that_shells_understand(command: list[str], shell: str) -> None:
    for script in [word for word in command if "\n" in word]:
        read = subprocess.run([shell, "-n", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert (read.returncode, read.stderr) == (0, b"")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_each_variable_as_it_is_and_leaves_what_follows(shell: str) -> None:
    script = programs.VARIABLES + "/usr/bin/env -0; exec cat"
    done = subprocess.run(
        [shell, "-c", script],
        input=programs.told(jupyter()) + b"export LATER=1\n",
        capture_output=True,
        check=True,
        env={"PATH": os.defpath},
    )
    *said, rest = done.stdout.decode().split("\0")
    found = dict(each.split("=", 1) for each in said)
    assert (done.stderr, rest) == (b"", "export LATER=1\n")
    assert {name: value for name, value in found.items() if name not in ("PATH", "PWD", "SHLVL", "_")} == ODD


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_starts_that_was_not_told_all_of_its_variables(shell: str) -> None:
    cut = programs.told(jupyter())[:-4]
    done = subprocess.run([shell, "-c", programs.VARIABLES + "echo begun"], input=cut, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_terminal_takes_each_line_that_is_told_as_it_is() -> None:
    names = {"A" * 255: "x" * 1000, "B": "\x03" * 1000, "C": "'" * 1000, "D": "你" * 1000}
    lines = programs.told(jupyter(env=names | ODD)).split(b"\n")
    assert max(map(len, lines)) < 4095
    assert not [line for line in lines if any(byte < 32 or byte == 127 for byte in line)]


@pytest.mark.parametrize("name", ["A B", "A;id", "A=", "", "Ä", "A\n", "A" * 256])
def test_what_is_no_name_of_a_variable_reaches_no_shell(name: str) -> None:
    with pytest.raises(Invalid):
        programs.told(jupyter(env={name: "x"}))


def test_a_start_is_told_by_two_numbers_of_a_moderate_length() -> None:
    assert programs.begun(f"{programs.STARTED} 12 345") == Process(12, 345)
    for said in ("9" * 5000 + " 1", "1 " + "9" * 21, "1", "1 2 3", "1  2", "-1 2", "\u0661 2", ""):
        with pytest.raises(ConnectionError):
            programs.begun(f"{programs.STARTED} {said}")


def test_a_refusal_names_the_program_in_words_that_can_be_shown() -> None:
    with pytest.raises(Conflict) as refused:
        programs.begun(f"{programs.REFUSED} program_missing jup\x1b[31myter: No such file or directory{'!' * 5000}")
    assert refused.value.details == {"code": "program_missing", "program": "jup?[31myter"}
    assert str(refused.value).startswith("jup?[31myter: No such file or directory!")
    assert len(str(refused.value)) == SENTENCE_CHARS


@pytest.mark.parametrize("code", ["not_started", "run_not_running", "child_stopping", "", "x" * 5000])
def test_a_container_cannot_refuse_a_start_with_a_code_that_means_something_else(code: str) -> None:
    with pytest.raises(ConnectionError, match="something strange"):
        programs.begun(f"{programs.REFUSED} {code} a: No such file or directory")


def test_only_who_looks_for_a_program_hears_that_it_does_not_run() -> None:
    with pytest.raises(Conflict) as refused:
        programs.begun(f"{programs.REFUSED} not_started nothing of that name runs", lasting.REFUSALS)
    assert refused.value.details["code"] == "not_started"
    with pytest.raises(ConnectionError):
        programs.begun(f"{programs.REFUSED} program_missing a: No such file or directory", lasting.REFUSALS)
