"""What is started in a pod beside its command, as the one command line that the API server is given for it.

A script goes before the program. It says on one line of its own what became of the start, with the process's id and the
moment it was started at, since the API server tells neither; what follows on that stream is the program's.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from services.executor.backends.kubernetes.wrapper import HOME, SHELL
from shared.contracts.errors import Conflict, FieldError, Invalid
from shared.contracts.streams import Child

STARTED = "jobyard-started"
REFUSED = "jobyard-refused"
PROGRAM_MISSING = "program_missing"
PROGRAM_UNUSABLE = "program_unusable"

_NUMBERS = re.compile(r"([0-9]{1,20}) ([0-9]{1,20})")

START_TIME = r"""$(read -r line < /proc/$$/stat && set -- ${line##*\) } && shift 19 && echo "$1")"""
"""Of the shell that this stands in: field 22 of its line, the other half of a process's identity."""

VARIABLES = r"""
jobyard_end='
'
while IFS= read -r jobyard_line && [ "$jobyard_line" != -- ]; do eval "$jobyard_line"; done
unset jobyard_end jobyard_line
exec < /dev/null
"""
"""Takes the variables of a child from what it is told (`told`): they can be secrets, and an API server's audit has the
command line in the address of each request. Then nothing is read from there any more."""

PREPARE = (
    HOME
    + r"""
refuse() { echo "REFUSED $*"; exit 0; }
cd "$1" 2> /dev/null || refuse program_unusable "$1: No such file or directory"
shift
while [ "$1" != -- ]; do export "$1"; shift; done; shift
[ $# -gt 0 ] || { set -- /bin/bash; [ -x "$1" ] || set -- /bin/sh
    set -- "$1" -l -c 'PATH=$1:$PATH; export PATH; exec "$0" -i' "$1" "$PATH"; }
case $1 in
    */*) [ -e "$1" ] || refuse program_missing "$1: No such file or directory"
         [ -x "$1" ] && [ ! -d "$1" ] || refuse program_unusable "$1: Permission denied";;
    *) command -v -- "$1" > /dev/null || refuse program_missing "$1: No such file or directory";;
esac
""".replace("REFUSED", REFUSED)
)
"""Goes into the folder, with the variables, and looks whether there is such a program; without one it is a login shell,
whose profile puts another PATH in place of the run's, so that is put first again. The script has no variables of its
own: one that the run has under the same name would reach the program with another value."""

_ENTER = (
    PREPARE
    + r"""
echo "STARTED $$ START_TIME"
unset PWD OLDPWD
exec "$@"
""".replace("STARTED", STARTED).replace("START_TIME", START_TIME)
)

_HANG_UP = r"""
of() { for entry in /proc/[0-9]*/stat; do
    line=; read -r line < "$entry" || continue
    pid=${line%% *}; set -- ${line##*\) }
    [ "$4" = "$session" ] && kill -"$signal" "$pid" && kill -CONT "$pid"
done; } 2> /dev/null
session=$1 started=$2
line=; read -r line 2> /dev/null < "/proc/$session/stat" && set -- ${line##*\) } && shift 19 &&
    [ "$1" != "$started" ] && exit 0
signal=HUP; of; sleep 2; signal=KILL; of; exit 0
"""
_SIGNAL = r"""
line=; read -r line < "/proc/$1/stat" && pid=$1 name=$3 started=$2 && set -- ${line##*\) } && shift 19
[ "$1" = "$started" ] && kill -"$name" "$pid"
"""


@dataclass(frozen=True)
class Process:
    """One that was started in a pod, as it is called there; no later one has both numbers."""

    pid: int
    started: int


def entering(child: Child, folder: str) -> list[str]:
    """The command line for a child without a name. Raises Invalid."""
    env = (f"{key}={value}" for key, value in _variables(child).items())
    return [SHELL, "-c", _ENTER, "jobyard", folder, *env, "--", *program(child)]


def told(child: Child) -> bytes:
    """For `VARIABLES`: each on one line, and a last line. Raises Invalid."""
    lines = (f"export {key}={_quoted(value)}\n" for key, value in _variables(child).items())
    return "".join((*lines, "--\n")).encode()


def program(child: Child) -> Sequence[str]:
    """What is run; nothing: a login shell. Raises Invalid."""
    argv: Sequence[str] = child.argv or ()
    if child.shell_command is not None:
        argv = (SHELL, "-c", child.shell_command)
    if (child.argv is not None and (not argv or not argv[0])) or any("\0" in argument for argument in argv):
        raise _invalid("argv", "Name a program; neither it nor its arguments have NUL characters.")
    return argv


def _variables(child: Child) -> dict[str, str]:
    """Raises Invalid."""
    wrong = [key for key, value in child.env.items() if not _is_name(key) or "\0" in value]
    if wrong:
        raise _invalid("env", f"{wrong[0]!r} cannot be a variable: use letters, digits and '_', and no NUL character.")
    env = {key: value for key, value in child.env.items() if not key.startswith("JOBYARD_")}
    if child.terminal is not None:
        env["TERM"] = child.terminal.term
    return env


def _quoted(value: str) -> str:
    """As a shell takes it on one line."""
    return shlex.quote(value).replace("\n", "'\"$jobyard_end\"'")


def begun(line: str) -> Process:
    """What became of a start, from the script's own line. Raises Conflict, and ConnectionError for any other line."""
    word, _, rest = line.partition(" ")
    if word == REFUSED:
        code, _, sentence = rest.partition(" ")
        raise Conflict(sentence, details={"code": code, "program": sentence.partition(":")[0]})
    numbers = _NUMBERS.fullmatch(rest)
    if word != STARTED or numbers is None:
        raise ConnectionError(f"the job's container said {line[:200]!r}")
    return Process(int(numbers[1]), int(numbers[2]))


def hanging_up(process: Process) -> list[str]:
    """Ends a child, and what is left of its session."""
    return [SHELL, "-c", _HANG_UP, "jobyard", str(process.pid), str(process.started)]


def signalling(process: Process, name: str) -> list[str]:
    return [SHELL, "-c", _SIGNAL, "jobyard", str(process.pid), str(process.started), name]


def _is_name(key: str) -> bool:
    return key.isidentifier() and key.isascii()


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, (FieldError(field=field, message=message),))
