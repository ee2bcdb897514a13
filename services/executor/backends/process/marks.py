"""A run's files: the marks by which supervisor and executor speak across restarts of either.

    <run id>.run      who may start the command, decided once: the supervisor's identity, or that nobody ever will;
                      then, after the sweep and the last output, how it ended
    <run id>.stop     the platform has asked for the end (a SIGTERM without it came from somebody else)
    <run id>.output   frames of what the command wrote
    <run id>.ways/    there once somebody has come into the run: its `control` socket, and the end of what its
                      children with names wrote, `<name>.output`

The first part of a `.run` appears whole or not at all; the second goes to its end, into the same disk block, so that
a full disk is no obstacle. One file rather than three and a folder: where many files are made and deleted, a new one
costs up to half a millisecond (measured on ext4).
"""

import _thread
import contextlib
import errno
import os

RUN = ".run"
STOP = ".stop"
OUTPUT = ".output"
WAYS = ".ways"
CONTROL = "control"
CALLABLE = "callable"
"""Among the claim's facts: SIGUSR1 makes this supervisor open its control socket. Older ones have none."""

Facts = dict[str, str]
"""Names and values without spaces, one pair per line."""

_END = "."
"""The last line of a part: what is before it is whole."""


def claim(base: str, facts: Facts) -> int | None:
    """Be the one who decides on the run at `base`: the open file, or none if somebody was first. Raises OSError.

    A hard link makes the file appear exclusively and with its content, in one step.
    """
    draft = f"{base}.{_thread.get_native_id()}"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        _append(file, facts)
        os.link(draft, base + RUN)
    except FileExistsError:
        os.close(file)
        return None
    except OSError:
        os.close(file)
        raise
    finally:
        os.unlink(draft)
    return file


def claimed(folder: str | os.PathLike[str]) -> list[str]:
    """The runs that have files in this folder."""
    return [name.removesuffix(RUN) for name in os.listdir(folder) if name.endswith(RUN)]


def conclude(file: int, facts: Facts) -> None:
    """Say how the run ended, and see it on the disk. Raises OSError; then it may be tried again."""
    size = os.fstat(file).st_size
    try:
        _append(file, facts)
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def read(base: str) -> tuple[Facts | None, Facts | None]:
    """How the run was claimed and how it ended; none for what is not there (or not whole, after a power cut)."""
    try:
        with open(base + RUN, "rb") as file:
            return parsed(file.read())
    except FileNotFoundError:
        return None, None


def parsed(content: bytes) -> tuple[Facts | None, Facts | None]:
    """The same from what such a file holds."""
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError:
        return None, None
    parts = []
    while _END in lines:
        end = lines.index(_END)
        parts.append(facts_of(lines[:end]))
        lines = lines[end + 1 :]
    return (parts[0] if parts else None), (parts[1] if len(parts) > 1 else None)


def ask_to_stop(base: str) -> None:
    """Leave the mark that tells the platform's own SIGTERM from a stranger's."""
    os.close(os.open(base + STOP, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def was_asked_to_stop(base: str) -> bool:
    return os.path.exists(base + STOP)


def remove(base: str) -> None:
    """Remove the run's files, its claim last: as long as that stands, nobody starts it."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(base + WAYS):
            os.unlink(f"{base}{WAYS}/{name}")
        os.rmdir(base + WAYS)
    for suffix in (STOP, OUTPUT, RUN):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(base + suffix)


def facts_of(pairs: list[str]) -> Facts:
    """From `name=value` pairs; anything else among them is passed over."""
    return {name: value for name, separator, value in (pair.partition("=") for pair in pairs) if separator}


def _append(file: int, facts: Facts) -> None:
    content = "".join([f"{name}={value}\n" for name, value in facts.items()] + [_END, "\n"]).encode()
    if os.write(file, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
