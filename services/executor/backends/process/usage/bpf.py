"""The bpf(2) system call, as far as counting what passes through a control group takes it. Standard library only.

Every function raises OSError, where the kernel or this machine's architecture does not know it, or as it may not be
used: it takes CAP_BPF and CAP_NET_ADMIN, which root has. Descriptors that are returned are the caller's to close.
Attributes and results are laid out as in linux/bpf.h.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import NamedTuple

CGROUP_SKB = 8
CGROUP_STORAGE = 19

INGRESS = 0
EGRESS = 1

_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361}
_NUMBER = _NUMBERS.get(platform.machine()) if sys.byteorder == "little" else None
_LIBC = ctypes.CDLL(None, use_errno=True)

_MAP_CREATE, _MAP_LOOK_UP, _PROGRAM_LOAD, _ATTACH = 0, 1, 5, 8
_PROGRAM_BY_ID, _MAP_BY_ID, _INFO, _QUERY = 13, 14, 15, 16
_BESIDE_OTHERS = 2
"""BPF_F_ALLOW_MULTI: programs of others, there or in groups above, go on."""
_NAME_BYTES = 16
_MANY = 64
_INSTRUCTION_BYTES = 8


class Loaded(NamedTuple):
    """What a program is called, and the ids of the maps that it uses."""

    name: bytes
    maps: tuple[int, ...]


def create_map(kind: int, key_bytes: int, value_bytes: int, name: bytes) -> int:
    return _bpf(_MAP_CREATE, struct.pack("=IIIIIII16s", kind, key_bytes, value_bytes, 0, 0, 0, 0, name))


def load_program(kind: int, attached: int, code: bytes, name: bytes) -> int:
    instructions, licence = _buffer(code), _buffer(b"Apache-2.0\0")
    count = len(code) // _INSTRUCTION_BYTES
    attributes = struct.pack(
        "=IIQQIIQII16sII", kind, count, _at(instructions), _at(licence), 0, 0, 0, 0, 0, name, 0, attached
    )
    return _bpf(_PROGRAM_LOAD, attributes)


def attach(group: int, program: int, attached: int) -> None:
    _bpf(_ATTACH, struct.pack("=IIIII", group, program, attached, _BESIDE_OTHERS, 0))


def programs_of(group: int, attached: int) -> tuple[int, ...]:
    """The ids of the programs that are attached to this group itself."""
    ids = (ctypes.c_uint32 * _MANY)()
    attributes = _buffer(struct.pack("=IIIIQII", group, attached, 0, 0, ctypes.addressof(ids), _MANY, 0))
    _call(_QUERY, attributes)
    [count] = struct.unpack_from("=I", attributes.raw, 24)
    return tuple(ids[:count])


def program_by_id(id: int) -> int:
    return _bpf(_PROGRAM_BY_ID, struct.pack("=III", id, 0, 0))


def map_by_id(id: int) -> int:
    return _bpf(_MAP_BY_ID, struct.pack("=III", id, 0, 0))


def describe(program: int) -> Loaded:
    maps = (ctypes.c_uint32 * _MANY)()
    info = _buffer(struct.pack("=II8sIIQQQIIQ16s", 0, 0, b"", 0, 0, 0, 0, 0, 0, _MANY, ctypes.addressof(maps), b""))
    _bpf(_INFO, struct.pack("=IIQ", program, len(info), _at(info)))
    count, _, name = struct.unpack_from("=IQ16s", info.raw, 52)
    return Loaded(name.rstrip(b"\0"), tuple(maps[:count]))


def look_up(map: int, key: bytes, value_bytes: int) -> bytes:
    key_buffer, value = _buffer(key), _buffer(bytes(value_bytes))
    _bpf(_MAP_LOOK_UP, struct.pack("=IIQQQ", map, 0, _at(key_buffer), _at(value), 0))
    return value.raw


def _bpf(command: int, attributes: bytes) -> int:
    return _call(command, _buffer(attributes))


def _call(command: int, attributes: "ctypes.Array[ctypes.c_char]") -> int:
    if _NUMBER is None:
        raise OSError(errno.ENOSYS, f"bpf(2) is not known for {platform.machine()}")
    result: int = _LIBC.syscall(_NUMBER, command, attributes, len(attributes))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bpf: {os.strerror(number)}")
    return result


def _buffer(content: bytes) -> "ctypes.Array[ctypes.c_char]":
    return ctypes.create_string_buffer(content, len(content))


def _at(buffer: "ctypes.Array[ctypes.c_char]") -> int:
    return ctypes.addressof(buffer)
