"""A run's group is read from the files that the kernel has for it, in either version; what is missing is unknown."""

import os
from pathlib import Path

import pytest

from services.executor.backends.process.usage.group import Group, enter, group_of, holds

UNIFIED = {
    "cpu.stat": "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n",
    "memory.current": "419430400\n",
    "memory.stat": "anon 314572800\nfile 104857600\ninactive_anon 7\ninactive_file 94371840\n",
}
VERSION_1 = {
    "cpuacct.usage": "1500000321\n",
    "memory.usage_in_bytes": "419430400\n",
    "memory.stat": "cache 4\ninactive_file 5\ntotal_cache 104857600\ntotal_inactive_file 94371840\n",
}


def folder(path: Path, files: dict[str, str]) -> str:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return str(path)


def test_the_unified_hierarchy_counts_processor_and_memory(tmp_path: Path) -> None:
    group = Group(unified=folder(tmp_path, UNIFIED))
    assert group.cpu_ns() == 1_500_000_000
    assert group.memory_bytes() == 325_058_560, "less file pages that were not used lately"


def test_version_1_counts_them_in_two(tmp_path: Path) -> None:
    group = Group(cpu=folder(tmp_path, VERSION_1), memory=folder(tmp_path, VERSION_1))
    assert group.cpu_ns() == 1_500_000_321
    assert group.memory_bytes() == 325_058_560, "with the groups inside of it"


def test_each_family_has_its_own_hierarchy(tmp_path: Path) -> None:
    without_memory = {"cpu.stat": UNIFIED["cpu.stat"]}
    group = Group(folder(tmp_path / "unified", without_memory), None, folder(tmp_path / "memory", VERSION_1))
    assert (group.cpu_ns(), group.memory_bytes()) == (1_500_000_000, 325_058_560)


@pytest.mark.parametrize("field", ["unified", "cpu", "memory"])
def test_what_a_group_does_not_count_is_unknown_and_not_zero(tmp_path: Path, field: str) -> None:
    group = Group(**{field: str(tmp_path)})
    assert (group.cpu_ns(), group.memory_bytes(), group.traffic()) == (None, None, None)


def test_more_inactive_than_used_is_nothing(tmp_path: Path) -> None:
    files = UNIFIED | {"memory.current": "4096\n"}
    assert Group(unified=folder(tmp_path, files)).memory_bytes() == 0


@pytest.mark.parametrize(("field", "file"), [("unified", "cgroup.procs"), ("memory", "tasks")])
def test_who_has_left_the_group_is_not_in_its_memory(tmp_path: Path, field: str, file: str) -> None:
    me = os.getpid()
    group = Group(**{field: folder(tmp_path, {file: f"1\n{me}\n"})})
    assert group.outside([me]) == []
    folder(tmp_path, {file: "1\n"})
    assert group.outside([me, 1]) == [me]
    assert Group(cpu=str(tmp_path)).outside([me]) == [], "no group counts its memory"


SOMEWHERE = b"12:cpu,cpuacct:/\n4:memory:/a/jobyard-1/run.1/its own\n1:name=systemd:/\n0::/a/jobyard-1/run.10\n"


@pytest.mark.parametrize(
    ("run", "controller", "held"),
    [
        ("run.1", "memory", True),
        ("run.10", "", True),
        ("run.10", "memory", False),
        ("run.1", "", False),
        ("run.1", "pids", False),
    ],
)
def test_a_group_inside_of_the_runs_is_the_runs(run: str, controller: str, held: bool) -> None:
    assert holds(f"/sys/fs/cgroup/somewhere/jobyard-1/{run}", controller, SOMEWHERE) == held
    assert not holds(f"/sys/fs/cgroup/somewhere/jobyard-2/{run}", controller, SOMEWHERE)
    assert not holds(f"/sys/fs/cgroup/somewhere/jobyard-1/{run}", controller, b""), "of one that has gone"


def test_what_a_supervisor_claims_is_what_the_executor_reads() -> None:
    for group in (Group(), Group("/a", None, "/c"), Group(None, "/b", "/c"), Group("/a")):
        assert group_of(group.facts) == group
    assert group_of({"pid": "7"}) == Group(), "of a supervisor that knew no groups"


def test_nobody_claims_a_group_that_could_not_be_entered(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    assert enter(Group(gone, gone, gone), None) == Group()
    assert enter(Group(gone, None, None), gone) == Group(gone), "who is born in one has entered it"
