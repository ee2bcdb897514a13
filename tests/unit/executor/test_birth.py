"""A child is born in its group, or put there, or does without: there is a child in any case."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.executor.backends.process.usage.groups import Groups
from tests.support.groups import WAYS, possible
from tests.support.platform import CHECKOUT

CHILD = """
import os, sys
from services.executor.backends.process.usage.birth import fork_into
from services.executor.backends.process.usage.group import Group, enter
unified, cpu, memory, born = (each or None for each in sys.argv[1:])
pid, born_in = fork_into(unified if born else None)
if pid == 0:
    print(sum(folder is not None for folder in enter(Group(unified, cpu, memory), born_in)))
    print(open("/proc/self/cgroup").read(), flush=True)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def run(*arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.fixture
def groups(tmp_path: Path) -> Iterator[Groups]:
    groups = Groups(tmp_path, WAYS["groups" if "groups" in possible() else "tree"])
    groups.open()
    yield groups
    assert groups.sweep() == set()
    groups.close()


@pytest.mark.parametrize("born", ["born", ""])
def test_a_child_is_in_all_groups_whether_it_was_born_there_or_not(groups: Groups, born: str) -> None:
    made = groups.make(["run.1"])["run.1"]
    entered, *said, code = run(*(folder or "" for folder in made), born)
    assert int(entered) == len(made.facts)
    assert len([line for line in said if line.endswith(f"/{groups.name}/run.1")]) == len(made.facts)
    assert code == "7", "the parent waits for a child like any other"


@pytest.mark.parametrize("born", ["born", ""])
def test_a_group_that_has_gone_is_no_reason_to_have_no_child(born: str) -> None:
    entered, *_, code = run("/sys/fs/cgroup/gone", "/sys/fs/cgroup/gone", "/sys/fs/cgroup/gone", born)
    assert (entered, code) == ("0", "7")
