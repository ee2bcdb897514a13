"""Starts a run's command as a shell would, in a session of its own and with nothing of its supervisor's."""

import errno
import os
import signal
from typing import Any

CANNOT_EXECUTE = 126
NOT_FOUND = 127
"""What shells exit with for a command that cannot be started."""


IGNORED = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGPIPE,
    signal.SIGALRM,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGXFSZ,
)
"""What neither spawner nor supervisor dies of; the command gets the defaults back."""


Actions = tuple[tuple[Any, ...], ...]
"""What `posix_spawn` does to the program's descriptors."""

NO_INPUT = (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)


def without_input(stdout: int, stderr: int) -> Actions:
    """Nothing to read, and two places to write to."""
    return NO_INPUT, (os.POSIX_SPAWN_DUP2, stdout, 1), (os.POSIX_SPAWN_DUP2, stderr, 2)


def with_streams(stdin: int, stdout: int, stderr: int) -> Actions:
    """The three of them."""
    return tuple((os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate((stdin, stdout, stderr)))


def on_terminal(file: int) -> Actions:
    """A terminal, which becomes the session's own: that of a leader who opens one and has none yet."""
    opened = (os.POSIX_SPAWN_OPEN, 0, f"/proc/self/fd/{file}", os.O_RDWR, 0)
    return opened, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)


def spawn(argv: list[str], env: dict[str, str], actions: Actions, program: str | None = None) -> int:
    """Start a program in a session of its own, as `execvpe` would find it; its pid. Raises OSError, ValueError.

    `program` is what is started if that is not `argv[0]`, as for a login shell.
    """

    def start(path: str, argv: list[str]) -> int:
        return os.posix_spawn(path, argv, env, file_actions=actions, setsid=True, setsigmask=(), setsigdef=IGNORED)

    name = program or argv[0]
    problem: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    for path in _candidates(name, env.get("PATH", os.defpath)):
        try:
            return start(path, argv)
        except OSError as error:
            if error.errno == errno.ENOEXEC:  # a script without its first line
                return start("/bin/sh", ["/bin/sh", path, *argv[1:]])
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
                raise
            if error.errno == errno.EACCES:
                problem = error
    raise problem


def _candidates(name: str, path: str) -> list[str]:
    if "/" in name:
        return [name]
    return [os.path.join(folder, name) for folder in path.split(os.pathsep)]


def explain(name: str, error: OSError | ValueError) -> tuple[str, int]:
    """A sentence on why the command could not be started, and its exit code."""
    if not isinstance(error, OSError) or error.errno is None:
        return f"{name}: {error}", CANNOT_EXECUTE
    missing = error.errno in (errno.ENOENT, errno.ENOTDIR)
    return f"{error.filename or name}: {os.strerror(error.errno)}", NOT_FOUND if missing else CANNOT_EXECUTE
