"""Where the groups of runs are made, on folders that stand for a machine's: what the kernel refuses, a file does."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.executor.backends.process.usage.groups import Groups
from services.executor.backends.process.usage.hierarchies import Hierarchy
from tests.support.groups import nested

CPU = frozenset({"cpu", "cpuacct"})
MEMORY = frozenset({"memory"})
UNIFIED = frozenset[str]()


def tree(path: Path, *controllers: frozenset[str]) -> tuple[Hierarchy, ...]:
    """This process's own group in the hierarchies with these controllers, each in a folder of its own."""
    found = []
    for names in controllers:
        folder = path / ("-".join(sorted(names)) or "unified")
        folder.mkdir()
        found.append(Hierarchy(names, str(folder)))
    return tuple(found)


def opened(path: Path, found: tuple[Hierarchy, ...]) -> Groups:
    groups = Groups(path / "home", found)
    groups.open()
    return groups


def refuse_memory(path: Path, groups: Groups) -> None:
    """As a kernel does whose unified hierarchy has no memory to divide: the file cannot be written."""
    part = path / "unified" / groups.name
    part.mkdir()
    (part / "cgroup.subtree_control").mkdir()


def test_the_unified_hierarchy_is_enough_where_it_counts_memory(tmp_path: Path) -> None:
    groups = opened(tmp_path, tree(tmp_path, UNIFIED, CPU, MEMORY))
    assert groups.parts._asdict() == {"unified": f"{tmp_path}/unified/{groups.name}", "cpu": None, "memory": None}
    assert (tmp_path / "unified" / "cgroup.subtree_control").read_text() == "+memory", "as far as that is allowed"


def test_memory_is_counted_by_version_1_where_the_unified_hierarchy_does_not(tmp_path: Path) -> None:
    found = tree(tmp_path, UNIFIED, CPU, MEMORY)
    refuse_memory(tmp_path, Groups(tmp_path / "home", ()))
    groups = opened(tmp_path, found)
    assert (groups.parts.unified, groups.parts.cpu) == (f"{tmp_path}/unified/{groups.name}", None)
    assert groups.parts.memory == f"{tmp_path}/memory/{groups.name}"


def test_version_1_alone_has_a_group_for_each(tmp_path: Path) -> None:
    groups = opened(tmp_path, tree(tmp_path, CPU, MEMORY))
    assert groups.parts.unified is None
    made = groups.make(["a.1"])["a.1"]
    assert made.cpu == f"{tmp_path}/cpu-cpuacct/{groups.name}/a.1" and Path(made.cpu).is_dir()
    assert made.memory == f"{tmp_path}/memory/{groups.name}/a.1" and Path(made.memory).is_dir()


def test_what_may_not_be_made_is_done_without(tmp_path: Path) -> None:
    groups = opened(tmp_path, (Hierarchy(UNIFIED, "/proc/nowhere"), *tree(tmp_path, MEMORY)))
    assert (groups.parts.unified, groups.parts.cpu) == (None, None)
    made = groups.make(["a.1", "b.1"])
    assert all(each.unified is None and each.memory is not None for each in made.values())
    Path(groups.parts.memory or "").rename(tmp_path / "taken away")
    assert not any(groups.make(["c.1"])["c.1"])
    assert groups.remove(["c.1"]) == set()


def test_a_run_keeps_the_groups_that_it_has(tmp_path: Path) -> None:
    groups = opened(tmp_path, tree(tmp_path, MEMORY))
    assert groups.make(["a.1"]) == groups.make(["a.1"])


def test_what_is_left_is_removed_at_the_next_start_unless_something_lives_there(tmp_path: Path) -> None:
    found = tree(tmp_path, CPU, MEMORY)
    groups = opened(tmp_path, found)
    over, lives = groups.make(["over.1"])["over.1"], groups.make(["lives.1"])["lives.1"]
    Path(over.cpu or "", "of the job's own", "deeper").mkdir(parents=True)
    Path(lives.cpu or "", "process").touch()  # a folder that cannot be removed, as a group with a process in it
    again = opened(tmp_path, found)
    assert not Path(over.cpu or "").exists() and not Path(over.memory or "").exists()
    assert Path(lives.cpu or "").exists()
    assert again.sweep() == {"lives.1"}
    Path(lives.cpu or "", "process").unlink()
    assert again.sweep() == set()
    again.close()
    assert not Path(again.parts.cpu or "").exists(), "nothing stays of an executor that has no runs"


def test_what_a_run_has_made_in_its_group_is_removed_however_deep(tmp_path: Path) -> None:
    found = tree(tmp_path, UNIFIED)
    folder = opened(tmp_path, found).make(["deep.1"])["deep.1"].unified or ""
    assert nested(Path(folder), 3000, name="a" * 50) == 3000, "no path reaches its end, and no recursion"
    Path(folder, "beside", "it").mkdir(parents=True)
    groups = opened(tmp_path, found)
    assert not Path(folder).exists() and groups.sweep() == set()


def test_a_group_that_cannot_be_removed_keeps_nobody_from_starting(tmp_path: Path) -> None:
    found = tree(tmp_path, UNIFIED)
    part = Path(opened(tmp_path, found).parts.unified or "")
    (part / "a.1").mkdir()
    (part / "b.1").touch()  # no folder, which is another error than one that is in use
    groups = opened(tmp_path, found)
    assert not (part / "a.1").exists()
    with capture_logs() as said:
        assert groups.remove(["b.1", "c.1"]) == {"b.1"}
    assert [(each["event"], each["run_id"]) for each in said] == [("group_not_removed", "b.1")]


def test_two_executors_of_one_machine_have_each_their_own_part(tmp_path: Path) -> None:
    found = tree(tmp_path, MEMORY)
    one, other = Groups(tmp_path / "one", found), Groups(tmp_path / "other", found)
    one.open()
    other.open()
    one.make(["a.1"])
    assert other.sweep() == set()
    assert (tmp_path / "memory" / one.name / "a.1").is_dir()


@pytest.mark.parametrize("value", [b"1", b"0"])
def test_a_service_that_systemd_put_into_a_group_inside_of_its_own_uses_that(tmp_path: Path, value: bytes) -> None:
    service = tmp_path / "jobyard.service"
    (service / "main").mkdir(parents=True)
    marked = False
    with suppress(OSError):  # this file system keeps no such marks
        os.setxattr(service, "user.delegate", value)
        marked = value == b"1"
    groups = opened(tmp_path, (Hierarchy(UNIFIED, str(service / "main")),))
    assert groups.parts.unified == str((service if marked else service / "main") / groups.name)
