"""What the kernel says of processes: who is alive, who is whose child. Standard library only, cheap to import."""

import contextlib
import ctypes
import os

_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)
_HAS_CHILDREN = os.path.exists("/proc/thread-self/children")


def boot_id() -> str:
    """Of the running kernel: a pid means nothing after a restart of the machine."""
    return read("/proc/sys/kernel/random/boot_id").decode().strip()


def has_ipv6() -> bool:
    """Whether the kernel speaks it, for containers for instance."""
    return os.path.exists("/proc/sys/net/ipv6/conf/lo/disable_ipv6")


def become_subreaper(name: str) -> None:
    """Orphans among this process's descendants become its children; `name` is what `ps` and `top` show of it.

    Raises OSError.
    """
    if _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl: {os.strerror(number)}")
    _LIBC.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since the boot; none if it is gone or only a zombie.

    Together with the boot id it tells a process from a later one with the same pid.
    """
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in (b"Z", b"X") else None


def children(pid: int) -> list[int]:
    """The children of a process, zombies included; of one that is gone, none."""
    found: list[int] = []
    if not _HAS_CHILDREN:  # a kernel without CONFIG_PROC_CHILDREN
        return [other for other in all_pids() if _stat(other)[1:2] == [b"%d" % pid]]
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        found += map(int, read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def descendants(pid: int) -> list[int]:
    """Children, grandchildren and so on, nearest first."""
    found = children(pid)
    for child in found:  # grows while it is walked
        found += children(child)
    return found


def program_name(pid: int) -> str:
    """The name of the program's file, for a script that of its interpreter; empty if the process is gone."""
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether the process exists and is more than a zombie."""
    return start_time(pid) is not None


def in_session(leader: int) -> list[int]:
    """The living processes of a session. A walk down the tree could miss some while others of it end."""
    return [pid for pid in all_pids() if session(pid) == leader and is_alive(pid)]


def session(pid: int) -> int:
    """The session that the process is in; 0 if it is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def send(pid: int, number: int) -> None:
    """Signal a descendant. A child that has not been reaped keeps its pid, so this reaches no stranger."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def environment_has(pid: int, entry: bytes) -> bool:
    """Whether the process was started with this `NAME=value`; false where that may not be read."""
    environ = read(f"/proc/{pid}/environ")
    return environ.startswith(entry + b"\0") or b"\0" + entry + b"\0" in environ


def all_pids() -> list[int]:
    """Every process of this machine (of this pid namespace)."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[bytes]:
    """The fields of /proc/<pid>/stat from the third on; the second may contain anything."""
    return read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def read(path: str) -> bytes:
    """A whole file of /proc; empty if its process is gone or belongs to somebody else."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    parts = []
    try:
        while part := os.read(file, 65_536):
            parts.append(part)
    except OSError:
        return b""
    finally:
        os.close(file)
    return b"".join(parts)
