"""What is started in a pod beside its command: its variables stand on no command line, and no start is made up."""

import os
import subprocess

import pytest

from services.executor.backends.kubernetes import lasting, programs
from services.executor.backends.kubernetes.programs import Process
from services.executor.backends.refusals import SENTENCE_CHARS
from shared.contracts.errors import Conflict, Invalid
from shared.contracts.streams import Child

ODD = {
    "JUPYTER_TOKEN": "t0ken",
    "LINES": "one\n--\n  two\n",
    "QUOTES": 'it\'s "$HOME" $(id) `id` \\ \\n \r',
    "EMPTY": "",
    "IFS": " x",
    "WORDS": "Grüße 你好",
}


def jupyter(**changes: object) -> Child:
    return Child.model_validate({"name": "jupyter", "argv": ("jupyter", "lab"), "env": ODD, **changes})


def test_the_variables_of_a_program_that_lasts_stand_on_no_command_line() -> None:
    command = "\n".join(lasting.starting(jupyter(), "/work"))
    assert "t0ken" not in command
    assert "JUPYTER_TOKEN" not in command
    assert b"t0ken" in programs.told(jupyter())


def test_a_shell_takes_each_variable_as_it_is_and_leaves_what_follows() -> None:
    script = programs.VARIABLES + "cat; exec /usr/bin/env -0"
    told = programs.told(jupyter()) + b"export LATER=1\n"
    done = subprocess.run(
        ["/bin/sh", "-c", script], input=told, capture_output=True, check=True, env={"PATH": os.defpath}
    )
    found = dict(each.split("=", 1) for each in done.stdout.decode().split("\0") if each)
    assert done.stderr == b""
    assert {name: value for name, value in found.items() if name not in ("PATH", "PWD", "SHLVL", "_")} == ODD


@pytest.mark.parametrize("name", ["A B", "A;id", "A=", "", "Ä", "A\n"])
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
