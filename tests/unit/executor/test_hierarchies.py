"""Where a process's control groups are, as the kernel describes it on machines of several kinds."""

import pytest

from services.executor.backends.process.usage.hierarchies import Hierarchy, hierarchies

UNIFIED = frozenset[str]()

SYSTEMD = (
    "22 26 0:21 / /proc rw,nosuid shared:12 - proc proc rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
)
HYBRID = (
    "31 23 0:27 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755\n"
    "32 31 0:28 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup rw,nsdelegate\n"
    "33 31 0:29 / /sys/fs/cgroup/systemd rw,nosuid shared:11 - cgroup cgroup rw,xattr,name=systemd\n"
    "36 31 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 - cgroup cgroup rw,cpu,cpuacct\n"
    "37 31 0:33 / /sys/fs/cgroup/memory rw,nosuid shared:16 - cgroup cgroup rw,memory\n"
)
HYBRID_OWN = (
    "9:memory:/system.slice/jobyard.service\n"
    "5:cpu,cpuacct:/system.slice/jobyard.service\n"
    "1:name=systemd:/system.slice/jobyard.service\n"
    "0::/system.slice/jobyard.service\n"
)


def found(mountinfo: str, own: str) -> dict[frozenset[str], str]:
    return {each.controllers: each.folder for each in hierarchies(mountinfo, own)}


def test_one_hierarchy_for_all() -> None:
    own = "/sys/fs/cgroup/system.slice/jobyard.service"
    assert hierarchies(SYSTEMD, "0::/system.slice/jobyard.service\n") == (Hierarchy(UNIFIED, own),)


def test_a_process_at_the_top() -> None:
    assert found(SYSTEMD, "0::/\n") == {UNIFIED: "/sys/fs/cgroup"}


def test_both_kinds_side_by_side() -> None:
    assert found(HYBRID, HYBRID_OWN) == {
        UNIFIED: "/sys/fs/cgroup/unified/system.slice/jobyard.service",
        frozenset({"name=systemd"}): "/sys/fs/cgroup/systemd/system.slice/jobyard.service",
        frozenset({"cpu", "cpuacct"}): "/sys/fs/cgroup/cpu,cpuacct/system.slice/jobyard.service",
        frozenset({"memory"}): "/sys/fs/cgroup/memory/system.slice/jobyard.service",
    }


def test_only_the_own_part_of_the_tree_is_mounted_as_in_a_container() -> None:
    mountinfo = "37 31 0:33 /docker/5f2c /sys/fs/cgroup/memory ro,nosuid master:16 - cgroup cgroup rw,memory\n"
    memory = frozenset({"memory"})
    assert found(mountinfo, "9:memory:/docker/5f2c\n") == {memory: "/sys/fs/cgroup/memory"}
    assert found(mountinfo, "9:memory:/docker/5f2c/inner\n") == {memory: "/sys/fs/cgroup/memory/inner"}


@pytest.mark.parametrize("own", ["9:memory:/docker/5f2cd\n", "9:memory:/elsewhere\n"])
def test_a_group_that_is_not_mounted_has_no_folder(own: str) -> None:
    mountinfo = "37 31 0:33 /docker/5f2c /sys/fs/cgroup/memory ro,nosuid master:16 - cgroup cgroup rw,memory\n"
    assert found(mountinfo, own) == {}


def test_a_group_outside_of_the_own_namespace_has_no_folder() -> None:
    assert found(SYSTEMD, "0::/../other\n") == {}


def test_names_that_a_mark_could_not_hold_are_left_alone() -> None:
    assert found(SYSTEMD, "0::/user.slice/with a space\n") == {}
    assert found(SYSTEMD.replace("/sys/fs/cgroup ", "/sys/fs/with\\040space "), "0::/\n") == {}


@pytest.mark.parametrize(("mountinfo", "own"), [("", ""), (SYSTEMD, ""), ("", "0::/\n"), (SYSTEMD, "9:memory:/x\n")])
def test_a_machine_without_groups_has_none(mountinfo: str, own: str) -> None:
    assert hierarchies(mountinfo, own) == ()


def test_a_hierarchy_that_is_mounted_twice_is_one() -> None:
    again = SYSTEMD.replace("/sys/fs/cgroup", "/run/groups")
    assert found(SYSTEMD + again, "0::/\n") == {UNIFIED: "/sys/fs/cgroup"}
