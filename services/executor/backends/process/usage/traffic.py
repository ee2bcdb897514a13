"""Counts the bytes of IP packets that a control group's sockets receive and send, whichever interface they take.

Two small programs are attached to the group, one each way, and each keeps a number per group, which the kernel frees
with the group. They are attached before anything is in it, so nothing is missed; a later executor, or the run's own
supervisor, finds them by the group alone. Only a group of the unified hierarchy can have them.
"""

import contextlib
import os
import struct

from services.executor.backends.process.usage import bpf
from services.executor.backends.process.usage.network import Traffic

NAME = b"jobyard_count"
_KEY = struct.Struct("=QI4x")
"""The group's inode, and which way."""
_COUNT = struct.Struct("=Q")


def _instruction(code: int, to: int = 0, of: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhi", code, to | of << 4, 0, value)


def _counting(map: int) -> bytes:
    """Add the packet's length to the group's number, and let it pass."""
    return b"".join(
        (
            _instruction(0xBF, to=6, of=1),  # r6 = the packet
            _instruction(0x18, to=1, of=1, value=map) + _instruction(0),  # r1 = the map
            _instruction(0xB7, to=2),  # r2 = 0
            _instruction(0x85, value=81),  # r0 = bpf_get_local_storage(r1, r2)
            _instruction(0x61, to=1, of=6),  # r1 = the packet's length
            _instruction(0xDB, to=0, of=1),  # *r0 += r1, atomically
            _instruction(0xB7, to=0, value=1),  # r0 = 1: pass
            _instruction(0x95),
        )
    )


class Counters:
    """The two programs, once for all groups. Raises OSError where they may not be loaded."""

    def __init__(self) -> None:
        self._programs: dict[int, int] = {}
        try:
            for way in (bpf.INGRESS, bpf.EGRESS):
                map = bpf.create_map(bpf.CGROUP_STORAGE, _KEY.size, _COUNT.size, NAME)
                try:
                    self._programs[way] = bpf.load_program(bpf.CGROUP_SKB, way, _counting(map), NAME)
                finally:
                    os.close(map)
        except OSError:
            self.close()
            raise

    def attach(self, folder: str) -> None:
        """Count in this group from now on. Raises OSError."""
        group = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for way, program in self._programs.items():
                bpf.attach(group, program, way)
        finally:
            os.close(group)

    def close(self) -> None:
        """What is attached goes on counting."""
        for program in self._programs.values():
            os.close(program)
        self._programs.clear()


def counted(folder: str) -> Traffic | None:
    """What has been counted in this group; none if it is not counted, or may not be asked for."""
    try:
        group = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        inode = os.fstat(group).st_ino
        received, sent = (_count(group, inode, way) for way in (bpf.INGRESS, bpf.EGRESS))
    except OSError:
        return None
    finally:
        os.close(group)
    return None if received is None or sent is None else Traffic(received, sent)


def _count(group: int, inode: int, way: int) -> int | None:
    for id in bpf.programs_of(group, way):
        with contextlib.ExitStack() as opened:
            program = _kept(opened, bpf.program_by_id(id))
            name, maps = bpf.describe(program)
            if name == NAME:
                map = _kept(opened, bpf.map_by_id(maps[0]))
                [count] = _COUNT.unpack(bpf.look_up(map, _KEY.pack(inode, way), _COUNT.size))
                return int(count)
    return None


def _kept(opened: contextlib.ExitStack, file: int) -> int:
    opened.callback(os.close, file)
    return file
