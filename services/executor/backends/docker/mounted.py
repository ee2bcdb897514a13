"""What is mounted into a container, compared with what was checked. Runs in the container; standard library only.

The engine looks every path up anew when it mounts it. So the order says which thing each place was found to be, by the
numbers of its file system and of itself, which are the same in the container. It is looked at where the kernel says
that something is mounted: an image with links of its own leads no mount to where another one is expected. As every
place has to have its own thing, and each thing was mounted once, no mount is left over that could be something else.
"""

import os
import re
from collections.abc import Iterable

from services.executor.backends.process import linux

Expected = tuple[str, int, int]
"""A place in the container, and the numbers of file system and thing."""

_ESCAPED = re.compile(rb"\\([0-7]{3})")


def misplaced(expected: Iterable[Expected]) -> list[str]:
    """The places at which there is not what was checked."""
    places = mount_points(linux.read("/proc/self/mountinfo"))
    return [place for place, device, inode in expected if place not in places or not _is(place, device, inode)]


def mount_points(mountinfo: bytes) -> set[str]:
    """Where the kernel says that something is mounted."""
    fields = (line.split(b" ") for line in mountinfo.splitlines())
    return {os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), each[4])) for each in fields}


def _is(place: str, device: int, inode: int) -> bool:
    try:
        found = os.lstat(place)
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (device, inode)
