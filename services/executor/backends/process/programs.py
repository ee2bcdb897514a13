"""What a supervisor is asked to start for a child: a program and its arguments, or the user's shell."""

import os
import pwd
from typing import Any

from shared.contracts.errors import FieldError, Invalid
from shared.contracts.streams import Child

_SHELL = "/bin/sh"
_NO_SHELLS = frozenset({"nologin", "false"})
_POSIX_SHELLS = frozenset({"sh", "dash", "bash", "ash", "ksh", "zsh"})
_OWN_PATH_FIRST = (
    r"PATH=$(PATH=/usr/bin:/bin; tr '\0' '\n' < /proc/$$/environ | sed -n 's/^PATH=//p'):$PATH; "
    'export PATH; exec "$0" -i'
)
"""The environment that a process was started with stands in /proc, whatever it has changed since."""


def request_of(child: Child, shell: str) -> dict[str, Any]:
    """The `start` of `children`; `shell` is the user's. Raises Invalid."""
    wrong = [key for key, value in child.env.items() if not key or "=" in key or "\0" in key or "\0" in value]
    if wrong:
        raise _invalid("env", f"{wrong[0]!r} cannot be a variable: no name has a '=', and nothing a NUL character.")
    program, argv = None, list(child.argv or ())
    if child.shell_command is not None:
        argv = [shell, "-c", child.shell_command]
    elif child.argv is None:
        program, argv = shell, login(shell)
    if not argv or not (program or argv[0]) or any("\0" in argument for argument in argv):
        raise _invalid("argv", "Name a program; neither it nor its arguments have NUL characters.")
    size = [child.terminal.rows, child.terminal.columns] if child.terminal is not None else None
    env = child.env | ({"TERM": child.terminal.term} if child.terminal is not None else {})
    return {"argv": argv, "program": program, "env": env, "terminal": size, "name": child.name}


def request_for(name: str) -> dict[str, Any]:
    """The `start` that finds the child of this name, and starts none."""
    return {"argv": None, "program": None, "env": {}, "terminal": None, "name": name}


def login(shell: str) -> list[str]:
    """A login shell, told by the dash. The system's profile puts another PATH in place of the run's.

    So where the shell's language is known, what has read the profile puts the run's own first again, and becomes the
    shell that people see.
    """
    name = os.path.basename(shell)
    return [f"-{name}", "-c", _OWN_PATH_FIRST, shell] if name in _POSIX_SHELLS else [f"-{name}"]


def own_shell() -> str:
    """The user's own; for accounts that have none, the system's."""
    try:
        shell = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        return _SHELL
    usable = os.access(shell, os.X_OK) and os.path.basename(shell) not in _NO_SHELLS
    return shell if usable else _SHELL


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, (FieldError(field=field, message=message),))
