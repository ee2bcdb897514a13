"""The two shell scripts that a run's container brings along: one starts the command, the other one stops it.

The container's first process starts the command in the foreground, since what a shell starts in the background ignores
SIGINT. So it hears no SIGTERM itself, and the pod's preStop hook asks the command to end. As with the backend
`process`, that goes to the command and to whoever has lost the parent that would have passed it on, after a moment
through shells to the programs that they wait for, and never to the helpers of a program.

Nothing that comes before the command sets a variable outside of a subshell: the job may have one of that name, and its
command is to get the job's.

Which came first, the stop or the end, is decided once: the first word in the container's termination message is it.
Both need `/bin/sh`, `/proc`, and for patience `sleep`.

A run on several NPUs waits for its rank table before the command starts, since which NPUs its pods have is told only
once these are there (see `rank_tables`).
"""

from collections.abc import Sequence

from services.executor.backends.kubernetes.processes import LOOK
from services.executor.domain.pod_states import CLAIM_DIFFERS, EXITED, MISPLACED, STOPPING

SHELL = "/bin/sh"
MESSAGE = "/dev/termination-log"

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
first "" || exit 143
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
check "$1" 2>&3 AWAITED && (unset PWD OLDPWD; exec "$@" 2>&3 3>&-) < /dev/null
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
    late=$(($(seconds) + WAIT_S))
    until [ -f "$RANK_TABLE_FILE" ]; do
        pause
        first "" || exit 0
        [ "$(seconds)" -lt "$late" ] || fail 1 "MISSING"
    done
)
"""
_AWAITED = '&& await 2>&3 && { first "" || exit 143; }'
_MISSING = (
    "RANK_TABLE_FILE was not there after WAIT_S s: the cluster has not said which NPUs the ranks of this job have, as "
    "Huawei's device plugin does in the annotations of their pods. Ask an operator, or give RANK_TABLE_FILE a value of "
    "your own: then nothing is waited for."
)

_STOP = r"""
first "" || exit 0
told=" "
present=" "; remember() { present="$present$pid "; }; look remember
echo STOPPING >> MESSAGE
first STOPPING || exit 0
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


def started(argv: Sequence[str], folder: str, mark: str, wait_s: int = 0) -> list[str]:
    """What the container runs, so that `argv` is started in `folder`.

    `mark`: a file that the executor has made; where it is not, the storage is another one, and nothing starts.
    `wait_s`: how long it waits for its rank table before that; 0: it needs none.
    """
    await_table = _AWAIT.replace("MISSING", _MISSING).replace("WAIT_S", str(wait_s))
    run = _RUN.replace("AWAITED", _AWAITED if wait_s else "").replace("AWAIT", await_table if wait_s else "")
    script = _script(_PLACED + run)
    return [SHELL, "-c", script, "jobyard", mark, folder, *argv]


def stopped() -> list[str]:
    """What the container runs before it is ended."""
    return [SHELL, "-c", _script(_STOP), "jobyard"]


def _script(text: str) -> str:
    text = _COMMON + LOOK + text
    words = {"MESSAGE": MESSAGE, "EXITED": EXITED, "STOPPING": STOPPING, "TOLD": "told"}
    for name, value in (words | {"MISPLACED": MISPLACED, "CLAIM_DIFFERS": CLAIM_DIFFERS}).items():
        text = text.replace(name, value)
    return text
