"""The two shell scripts that a run's container brings along: one starts the command, the other one stops it.

The container's first process starts the command in the foreground, since what a shell starts in the background ignores
SIGINT. So it hears no SIGTERM itself, and the pod's preStop hook asks the command to end. As with the backend
`process`, that goes to the command and to whoever has lost the parent that would have passed it on, after a moment
through shells to the programs that they wait for, and never to the helpers of a program.

Nothing that comes before the command sets a variable outside of a subshell: the job may have one of that name, and its
command is to get the job's.

Which came first, the stop or the end, is decided once: the first word in the container's termination message is it.
The message has a path of its own, since programs write their last words to the usual one, `/dev/termination-log`.
Both need `/bin/sh`, `/proc`, and for patience `sleep`.

A rank of several waits, before its command starts, for the file that says where they meet, which is there once all of
their pods are, and then for the rank table, if it needs one (see `gathering`). It waits as long as it takes, or until
it is stopped: the image of another rank may take an hour. With each look it opens the folder, without which NFS
believes for half a minute that what was not there is not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.executor.backends.kubernetes.processes import LOOK
from services.executor.domain.pod_shell import SHELL
from services.executor.domain.pod_states import CLAIM_DIFFERS, EXITED, MISPLACED, STOPPING

MESSAGE = "/dev/jobyard-end"

_COMMON = r"""
first() (word=; read -r word < MESSAGE; [ "$word" = "$1" ]) 2> /dev/null
ended() { while read -r each; do [ "$each" = "$1" ] && return 0; done < MESSAGE; return 1; } 2> /dev/null
pause() { sleep 0.1 2> /dev/null || sleep 1 2> /dev/null; }
tell() { case $told in *" $1 "*) ;; *) told="$told$1 "; kill -TERM "$1"; kill -CONT "$1";; esac; } 2> /dev/null
"""

_PLACED = r"""
[ ! -x "${1%/*}" ] || [ -e "$1" ] || { echo "CLAIM_DIFFERS" >&2; echo MISPLACED >> MESSAGE; exit 1; }
shift
"""

_RUN = r"""
[ -d "$1" ] || { echo "$1: No such file or directory" >&2; exit 1; }
cd "$1" || exit 1
shift
! first STOPPING || exit 143
fail() { echo "$2" >&2; exit "$1"; }
check() (
    case $1 in
        */*) [ -e "$1" ] || fail 127 "$1: No such file or directory"
             [ -x "$1" ] && [ ! -d "$1" ] || fail 126 "$1: Permission denied";;
        *) command -v -- "$1" > /dev/null || fail 127 "$1: No such file or directory";;
    esac
)
AWAIT
exec 3>&2 2> /dev/null
check "COMMAND" 2>&3 AWAITED && (LEARN HOME_MADE
unset PWD OLDPWD; exec "$@" 2>&3 3>&-) < /dev/null
code=$?
echo EXITED >> MESSAGE
first STOPPING || exit $code
until ended TOLD; do pause || break; done
told=" "
remaining() { [ "$session" != 1 ] || [ "$pid" = 1 ] || { left=yes; tell "$pid"; }; }
while left=; look remaining; [ -n "$left" ]; do pause || break; done
exit $code
"""

_AWAIT = r"""
await() (
    seconds() (read -r now rest < /proc/uptime; echo "${now%%.*}")
    late=$(($(seconds) + ${2:-0}))
    until [ -f "$1" ]; do
        pause
        ! first STOPPING || break
        true < "${1%/*}"
        [ -z "$2" ] || [ "$(seconds)" -lt "$late" ] || fail 1 "MISSING" 2>&3
    done
    ! first STOPPING || exit 143
)
"""
_MEETING = '&& await "$1"'
_TABLE = ' && await "$RANK_TABLE_FILE" WAIT_S'
_MISSING = (
    "RANK_TABLE_FILE was not there WAIT_S s after all ranks were: the cluster has not said which NPUs the ranks of "
    "this job have, as Huawei's device plugin does in the annotations of their pods. Ask an operator, or give "
    "RANK_TABLE_FILE a value of your own: then it is not waited for."
)
_LEARN = 'read -r MASTER_ADDR < "$1"; export MASTER_ADDR; '

HOME = """{ [ -d "$HOME" ] && [ -w "$HOME" ]; } || [ -z "$JOBYARD_JOB_PATH" ] || export HOME="$JOBYARD_JOB_PATH" """
"""Of a user whom the image does not know it is `/`, where nobody may write what programs keep at home."""

_STOP = r"""
! first EXITED && ! ended STOPPING || exit 0
told=" "
present=" "; remember() { present="$present$pid "; }; look remember
echo STOPPING >> MESSAGE
! first EXITED || exit 0
top() { [ "$parent" -gt 1 ] || [ "$pid" = 1 ] || [ "$pid" = $$ ] || { tell "$pid"; queue="$queue $pid"; }; }
look top
for each in 1 2 3 4 5; do ended EXITED && break; pause; done
queue=; look top
waited() { [ "$parent" = "$shell" ] && case $present in *" $pid "*) tell "$pid"; queue="$queue $pid";; esac; }
while [ -n "$queue" ]; do
    set -- $queue; shell=$1; shift; queue=$*
    name=; read -r name < "/proc/$shell/comm"
    for each in sh dash bash ash ksh zsh; do
        [ "$name" = $each ] || [ "/proc/$shell/exe" -ef /bin/$each ] && { look waited; break; }
    done
done 2> /dev/null
echo TOLD >> MESSAGE
"""


@dataclass(frozen=True)
class Waits:
    """What a rank of several waits for. `meeting`: the file that says where they meet."""

    meeting: str
    learns: bool
    """Whether it is told MASTER_ADDR there; rank 0 knows it."""
    table_s: int = 0
    """How long it waits for its rank table after that; 0: it needs none."""


def started(
    argv: Sequence[str], folder: str, mark: str, has_home: bool = False, waits: Waits | None = None
) -> list[str]:
    """What the container runs, so that `argv` is started in `folder`.

    `mark`: a file that the executor has made; where it is not, the storage is another one, and nothing starts.
    `has_home`: the job has said itself what HOME is.
    """
    parts = {"COMMAND": "$1", "AWAITED": "", "AWAIT": "", "LEARN": "", "HOME_MADE": "" if has_home else f"{HOME};"}
    if waits is not None:
        awaited = _MEETING + (_TABLE if waits.table_s else "")
        learn = (_LEARN if waits.learns else "") + "shift;"
        parts |= {"COMMAND": "$2", "AWAITED": awaited, "AWAIT": _AWAIT, "LEARN": learn}
        parts |= {"MISSING": _MISSING, "WAIT_S": str(waits.table_s)}
    script = _replaced(_PLACED + _RUN, parts)
    said = () if waits is None else (waits.meeting,)
    return [SHELL, "-c", _script(script), "jobyard", mark, folder, *said, *argv]


def stopped() -> list[str]:
    """What the container runs before it is ended."""
    return [SHELL, "-c", _script(_STOP), "jobyard"]


def _script(text: str) -> str:
    words = {"MESSAGE": MESSAGE, "EXITED": EXITED, "STOPPING": STOPPING, "TOLD": "told"}
    return _replaced(_COMMON + LOOK + text, words | {"MISPLACED": MISPLACED, "CLAIM_DIFFERS": CLAIM_DIFFERS})


def _replaced(text: str, words: Mapping[str, str]) -> str:
    for name, value in words.items():
        text = text.replace(name, value)
    return text
