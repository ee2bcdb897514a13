"""Which file system a path lies in, found without touching it: what the kernel says of its mounts, and the path's text.

Whoever follows a path to learn that stays there where it does not answer.
"""

import contextlib
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping

FRESH_S = 1.0
"""So old what is known of the mounts may be."""
_MOST_LINKS = 40
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mounts:
    """By their points: the devices of what is mounted there. One file system has one device, wherever it is mounted."""

    def __init__(self, devices: Mapping[str, str]) -> None:
        self._devices = devices

    def device(self, path: str) -> str:
        """Of the file system that the absolute path's own text leads to."""
        return next((self._devices[at] for at in _upwards(path) if at in self._devices), "")

    def devices(self, path: str) -> set[str]:
        """Of all that lie on the way there."""
        return {self.device(at) for at in _upwards(path)}

    def beyond(self, path: str, passed: Collection[str]) -> str | None:
        """The first device behind a link of the path that is none of these; None: there is none.

        Touches what lies on these, and nothing else: call it in a thread.
        """
        left, here, links = _names(path), "/", 0
        while left and links <= _MOST_LINKS:
            name = left.pop()
            if name == "..":
                here = os.path.dirname(here)
                continue
            at = os.path.join(here, name)
            if (device := self.device(at)) not in passed:
                return device
            try:
                target = os.readlink(at)
            except (OSError, ValueError):  # no link, or nothing that leads anywhere
                here = at
                continue
            links += 1
            here = "/" if target.startswith("/") else here
            left += _names(target)
        return None


class MountTable:
    """The mounts of this process."""

    def __init__(self) -> None:
        self._read_at = float("-inf")
        self._mounts = Mounts({})

    def now(self) -> Mounts:
        """Touches no disk. Without a descriptor for that they are what they were."""
        now = time.monotonic()
        if now - self._read_at > FRESH_S:
            with contextlib.suppress(OSError), open("/proc/self/mountinfo", errors="surrogateescape") as table:
                self._mounts = parsed(table.read())
                self._read_at = now
        return self._mounts


def parsed(table: str) -> Mounts:
    """As in /proc/self/mountinfo; of several at one point the last one is seen."""
    fields = (line.split(" ") for line in table.splitlines())
    return Mounts({_ESCAPED.sub(_character, each[4]): each[2] for each in fields})


def _character(escaped: "re.Match[str]") -> str:
    return chr(int(escaped[1], 8))


def _upwards(path: str) -> Iterator[str]:
    yield path
    while path != "/":
        path = path[: path.rfind("/")] or "/"
        yield path


def _names(path: str) -> list[str]:
    """The last one first."""
    return [name for name in reversed(path.split("/")) if name not in ("", ".")]
