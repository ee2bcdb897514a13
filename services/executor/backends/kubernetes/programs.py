"""What is started in a pod beside its command, as the one command line that the API server is given for it.

A script goes before the program. It says on one line of its own what became of the start, with the process's id, since
the API server tells neither; what follows on that stream is the program's.
"""

from collections.abc import Sequence

from services.executor.backends.kubernetes.wrapper import SHELL
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.streams import Child

STARTED = "jobyard-started"
REFUSED = "jobyard-refused"
PROGRAM_MISSING = "program_missing"
PROGRAM_UNUSABLE = "program_unusable"

_ENTER = r"""
folder=$1; shift
while [ "$1" != -- ]; do export "$1"; shift; done; shift
cd "$folder" 2> /dev/null || { echo "REFUSED program_unusable $folder: No such file or directory"; exit 0; }
[ $# -gt 0 ] || { if [ -x /bin/bash ]; then set -- /bin/bash -l; else set -- /bin/sh -l; fi; }
case $1 in
    */*) [ -e "$1" ] || { echo "REFUSED program_missing $1: No such file or directory"; exit 0; }
         [ -x "$1" ] && [ ! -d "$1" ] || { echo "REFUSED program_unusable $1: Permission denied"; exit 0; };;
    *) command -v "$1" > /dev/null || { echo "REFUSED program_missing $1: No such file or directory"; exit 0; };;
esac
echo "STARTED $$"
exec "$@"
"""

_HANG_UP = r"""
of() { for entry in /proc/[0-9]*/stat; do
    line=; read -r line < "$entry" || continue
    pid=${line%% *}; set -- ${line##*\) }
    [ "$4" = SESSION ] && kill -"$signal" "$pid" && kill -CONT "$pid"
done; } 2> /dev/null
signal=HUP; of; sleep 2; signal=KILL; of; exit 0
"""


def entering(child: Child, folder: str) -> list[str]:
    """The command line for a child without a name. Raises Invalid."""
    wrong = [key for key, value in child.env.items() if not _is_name(key) or "\0" in value]
    if wrong:
        raise _invalid("env", f"{wrong[0]!r} cannot be a variable: use letters, digits and '_', and no NUL character.")
    argv: Sequence[str] = child.argv or ()
    if child.shell_command is not None:
        argv = (SHELL, "-c", child.shell_command)
    if (child.argv is not None and (not argv or not argv[0])) or any("\0" in argument for argument in argv):
        raise _invalid("argv", "Name a program; neither it nor its arguments have NUL characters.")
    env = {key: value for key, value in child.env.items() if not key.startswith("JOBYARD_")}
    if child.terminal is not None:
        env["TERM"] = child.terminal.term
    script = _ENTER.replace("STARTED", STARTED).replace("REFUSED", REFUSED)
    return [SHELL, "-c", script, "jobyard", folder, *(f"{key}={value}" for key, value in env.items()), "--", *argv]


def hanging_up(pid: int) -> list[str]:
    """Ends a child, and what is left of its session."""
    return [SHELL, "-c", _HANG_UP.replace("SESSION", str(pid))]


def signalling(pid: int, name: str) -> list[str]:
    return [SHELL, "-c", f"kill -{name} {pid}"]


def _is_name(key: str) -> bool:
    return key.isidentifier() and key.isascii()


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, (FieldError(field=field, message=message),))
