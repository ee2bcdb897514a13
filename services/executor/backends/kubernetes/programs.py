"""What is started in a pod beside its command, as the one command line that the API server is given for it.

A script goes before the program. It says on one line of its own what became of the start, with the process's id and the
moment it was started at, since the API server tells neither; what follows on that stream is the program's.
"""

import re
import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from services.executor.backends.kubernetes.processes import LOOK, START_TIME
from services.executor.backends.kubernetes.wrapper import HOME
from services.executor.backends.process.children import PROGRAM_MISSING, PROGRAM_UNUSABLE
from services.executor.backends.refusals import refusal, shown
from services.executor.domain.pod_shell import SHELL
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.streams import Child

STARTED = "jobyard-started"
REFUSED = "jobyard-refused"
REFUSALS = frozenset({PROGRAM_MISSING, PROGRAM_UNUSABLE})
"""Why a start is refused."""

_LONGEST_NAME = 255
_PIECE = 128
"""So many characters of a value stand on one line: a terminal takes 4095 bytes, and a quoted character has up to 20."""
_CONTROL = re.compile(r"[\x01-\x1f\x7f]")
_NUMBERS = re.compile(r"([0-9]{1,20}) ([0-9]{1,20})")

VARIABLES = r"""
jobyard_end='
'
while IFS= read -r jobyard_line || exit 1; [ "$jobyard_line" != -- ]; do eval "$jobyard_line"; done
unset jobyard_end jobyard_line
"""
"""Takes the variables of a child from what it is told (`told`): they can be secrets, and an API server's audit has the
command line in the address of each request. What follows is left for the program, and without the last line nothing
starts."""

PREPARE = (
    HOME
    + r"""
refuse() { echo "REFUSED $*"; exit 0; }
cd "$1" 2> /dev/null || refuse program_unusable "$1: No such file or directory"
shift
[ $# -gt 0 ] || { set -- /bin/bash; [ -x "$1" ] || set -- /bin/sh
    set -- "$1" -l -c 'PATH=$1:$PATH; export PATH; exec "$0" -i' "$1" "$PATH"; }
case $1 in
    */*) [ -e "$1" ] || refuse program_missing "$1: No such file or directory"
         [ -x "$1" ] && [ ! -d "$1" ] || refuse program_unusable "$1: Permission denied";;
    *) command -v -- "$1" > /dev/null || refuse program_missing "$1: No such file or directory";;
esac
""".replace("REFUSED", REFUSED)
)
"""Goes into the folder and looks whether there is such a program; without one it is a login shell, whose profile puts
another PATH in place of the run's, so that is put first again. The script has no variables of its own: one that the run
has under the same name would reach the program with another value."""

_ENTER = (
    VARIABLES
    + PREPARE
    + r"""
echo "STARTED $$ START_TIME"
unset PWD OLDPWD
exec "$@"
""".replace("STARTED", STARTED).replace("START_TIME", START_TIME)
)

_HANG_UP = (
    LOOK
    + r"""
leader=$1 begun=$2 signal=HUP
line=; read -r line 2> /dev/null < "/proc/$leader/stat" && set -- ${line##*\) } && shift 19 &&
    [ "$1" != "$begun" ] && exit 0
of() { [ "$session" = "$leader" ] && kill -"$signal" "$pid" && kill -CONT "$pid"; }
look of; sleep 2; signal=KILL; look of; exit 0
"""
)
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
    """The command line for a child without a name, which is `told` its variables. Raises Invalid."""
    return [SHELL, "-c", _ENTER, "jobyard", folder, *program(child)]


def told(child: Child) -> bytes:
    """For `VARIABLES`, in lines that a terminal takes as they are: it would cut longer ones, and a control character is
    a key there. Raises Invalid.
    """
    variables = _variables(child)
    keys = sorted({key for value in variables.values() for key in _CONTROL.findall(value)} - {"\n"})
    lines = [f"{_called(key)}=$(printf '\\{ord(key):03o}')" for key in keys]
    lines += (line for name, value in variables.items() for line in _lines(name, value))
    lines += (f"unset {_called(key)}" for key in keys)
    return "".join(f"{line}\n" for line in (*lines, "--")).encode()


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
        rule = f"use at most {_LONGEST_NAME} letters, digits and '_', and no NUL character"
        raise _invalid("env", f"{wrong[0][:_LONGEST_NAME]!r} cannot be a variable: {rule}.")
    env = {key: value for key, value in child.env.items() if not key.startswith("JOBYARD_")}
    if child.terminal is not None:
        env["TERM"] = child.terminal.term
    return env


def _lines(name: str, value: str) -> Iterator[str]:
    yield f"export {name}={_quoted(value[:_PIECE])}"
    for start in range(_PIECE, len(value), _PIECE):
        yield f"{name}=${{{name}}}{_quoted(value[start : start + _PIECE])}"


def _quoted(value: str) -> str:
    """As a shell takes it on one line."""
    return _CONTROL.sub(lambda found: f"'\"${_called(found[0])}\"'", shlex.quote(value))


def _called(key: str) -> str:
    """The variable of a control character. The script has the end of a line itself: no command can say that."""
    return "jobyard_end" if key == "\n" else f"jobyard_{ord(key):03o}"


def starts(line: bytes) -> bool:
    """Whether it is a script's own, on what became of a start."""
    return line.startswith((f"{STARTED} ".encode(), f"{REFUSED} ".encode()))


def begun(line: str, refusals: Collection[str] = REFUSALS) -> Process:
    """What became of a start, from the script's own line. `refusals`: the codes that this script has.

    Raises Conflict, and ConnectionError for a line that the script does not say.
    """
    word, _, rest = line.partition(" ")
    if word == REFUSED:
        code, _, sentence = rest.partition(" ")
        try:
            raise refusal(code, sentence, shown(sentence.partition(":")[0]), refusals)
        except ValueError as error:
            raise ConnectionError(f"the job's container said something strange: {error}") from error
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
    return key.isidentifier() and key.isascii() and len(key) <= _LONGEST_NAME


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, (FieldError(field=field, message=message),))
