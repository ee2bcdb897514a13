"""Scripts for programs that live on in a pod without whoever started them: Jupyter, TensorBoard.

Nothing of Jobyard's stays in a pod, so a shell keeps the program: in a session of its own, which the end of the API
server's stream does not touch. What is to be known of it stands in a folder that lives as long as the pod:

    pid     its process, and when that was started; no later one has both numbers
    a b c   the end of what it has written, in pieces of 256 KiB, the oldest first
    exit    its exit code, once it has ended and what it wrote is there

It is started in the foreground of its keeper, since what a shell starts in the background ignores SIGINT, by which
Jupyter interrupts its kernels. The image needs `setsid` for it, and the usual small tools.
"""

from services.executor.backends.kubernetes import programs
from services.executor.backends.kubernetes.processes import LOOK, START_TIME
from services.executor.backends.kubernetes.words import SAID_BYTES
from services.executor.backends.process.children import NOT_STARTED
from services.executor.domain.pod_shell import SHELL
from shared.contracts.streams import Child

FOLDER = "/run/jobyard"
"""A volume of the pod's own, which every container of a run has."""
REFUSALS = frozenset({NOT_STARTED})
"""Why a program is not found. A start never says that, so nobody takes a program for stopped because of one."""
_ALIVE = r"""
alive() (
    [ ! -e "$1/exit" ] && read -r pid started < "$1/pid" && read -r line < "/proc/$pid/stat" || exit 1
    set -- ${line##*\) }; case $1 in Z|X) exit 1;; esac
    shift 19; [ "$1" = "$started" ] && echo "$pid $started"
) 2> /dev/null
"""
"""In a subshell, as all that comes before a program: no variable of the run's is changed (see `programs.PREPARE`)."""

_FIND = (
    _ALIVE
    + r"""
case $(alive "FOLDER/$1") in
    ?*) echo "STARTED $(alive "FOLDER/$1")";;
    *) echo "REFUSED not_started nothing of that name runs";;
esac
"""
)

_START = (
    _ALIVE
    + r"""
case $(alive "FOLDER/$1") in ?*) echo "STARTED $(alive "FOLDER/$1")"; exit 0;; esac
jobyard_home=FOLDER/$1 jobyard_keep=$2 jobyard_first=$3; shift 3
"""
    + programs.VARIABLES
    + "exec < /dev/null\n"
    + programs.PREPARE
    + r"""
lacking() (
    for tool in setsid mkdir mkfifo rm mv dd cat tail sleep; do command -v $tool > /dev/null || echo $tool; done
)
case $(lacking) in ?*) refuse program_unusable "$1: to keep it running, the job's image needs" $(lacking);; esac
rm -rf "$jobyard_home" && mkdir -p "$jobyard_home" && mkfifo "$jobyard_home/out" \
    || refuse program_unusable "$jobyard_home: it cannot be written"
exec setsid /bin/sh -c "$jobyard_keep" jobyard "$jobyard_home" "$jobyard_first" "$@"
"""
)

_KEEP = r"""
jobyard_home=$1 jobyard_first=$2; shift 2
exec 3>&1 > /dev/null 2>&1
keep() {
    trap "" TERM HUP
    read -r first && echo "$first" > "$1/pid.new" && mv "$1/pid.new" "$1/pid" && echo "STARTED $first" >&3
    exec 3>&-
    cd "$1" && while dd bs=4096 count=64 of=c; [ -s c ]; do mv b a; mv c b; done
    : > whole
}
keep "$jobyard_home" < "$jobyard_home/out" &
exec 3>&-
trap : TERM HUP
setsid /bin/sh -c "$jobyard_first" jobyard "$@" < /dev/null > "$jobyard_home/out"
echo $? > "$jobyard_home/code"
for each in 1 2 3 4 5 6 7 8 9 10; do [ -e "$jobyard_home/whole" ] && break; sleep 0.1 || sleep 1; done
mv "$jobyard_home/code" "$jobyard_home/exit"
"""

_FIRST = r"""echo "$$ START_TIME"; unset PWD OLDPWD; exec "$@" 2>&1"""
"""The first line of what the program writes says who it is; the keeper takes that away."""

_WATCH = (
    _ALIVE
    + r"""
exec 2> /dev/null
home=FOLDER/$1 token=$2 looks=0
while [ -n "$(alive "$home")" ]; do
    sleep 0.2 || sleep 1
    looks=$((looks + 1))
    [ $((looks % 20)) = 0 ] || continue
    [ ! -e "$home/told" ] || [ "$home/c" -nt "$home/told" ] || continue
    : > "$home/told"
    echo "$token said"; cat "$home/b" "$home/c" | tail -c SAID_BYTES; echo; echo "$token over"
done
for each in 1 2 3 4 5 6 7 8 9 10 11 12; do [ -e "$home/exit" ] && break; sleep 0.1 || sleep 1; done
code=137; [ ! -e "$home/exit" ] || read -r code < "$home/exit"
echo "$token ended $code"
cd "$home" && cat a b c
"""
)

_STOP = (
    _ALIVE
    + LOOK
    + r"""
set -- $(alive "FOLDER/$1")
[ $# = 2 ] || exit 0
leader=$1 tree=" $1:$2 "
in_tree() { case $tree in *" $pid:$started "*) return 0;; esac; return 1; }
grow() { in_tree || case $tree in *" $parent:"*) tree="$tree$pid:$started " more=yes;; esac; }
end() { [ "$session" = "$leader" ] && { kill -TERM "$pid"; kill -CONT "$pid"; }; }
rest() { [ "$session" = "$leader" ] || in_tree || return; left=yes; [ -z "$kill" ] || kill -KILL "$pid"; }
more=yes; while [ -n "$more" ]; do more=; look grow; done
look end
kill= looks=0
while left=; look rest; [ -n "$left" ]; do
    sleep 0.1 2> /dev/null || sleep 1
    looks=$((looks + 1)); [ $looks -lt 50 ] || kill=yes
done
"""
)


def starting(child: Child, folder: str) -> list[str]:
    """Starts the child of this name, or finds it; it is `programs.told` its variables. Raises Invalid."""
    scripts = (_script(_KEEP), _script(_FIRST))
    said = (folder, *programs.program(child))
    return [SHELL, "-c", _script(_START), "jobyard", str(child.name), *scripts, *said]


def finding(name: str) -> list[str]:
    """Starts nothing."""
    return [SHELL, "-c", _script(_FIND), "jobyard", name]


def watching(name: str, token: str) -> list[str]:
    """Says how it goes until it has ended (see `words.Words`). `token`: a word that no program says by chance."""
    return [SHELL, "-c", _script(_WATCH), "jobyard", name, token]


def stopping(name: str) -> list[str]:
    """SIGTERM to its session; after five seconds SIGKILL to all that it had started by then."""
    return [SHELL, "-c", _script(_STOP), "jobyard", name]


def _script(text: str) -> str:
    replaced = {
        "FOLDER": FOLDER,
        "START_TIME": START_TIME,
        "STARTED": programs.STARTED,
        "REFUSED": programs.REFUSED,
        "SAID_BYTES": str(SAID_BYTES),
    }
    for name, value in replaced.items():
        text = text.replace(name, value)
    return text
