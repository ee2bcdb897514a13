"""Lines of shell that tell a container's processes apart, for the scripts that stop, find and hang up some of them.

A process is known by its number and the moment it was started at, field 22 of its line in `/proc`: no later one has
both. Who has ended and was not reaped yet does not live. Nothing but the shell and `/proc` is needed for it.
"""

LOOK = r"""
# calls its argument for each living process, with pid, parent, session and started set
look() {
    visit=$1
    for entry in /proc/[0-9]*/stat; do
        line=; read -r line < "$entry" || continue
        pid=${line%% *}
        set -- ${line##*\) }
        case $1 in Z|X) continue;; esac
        parent=$2 session=$4; shift 19; started=$1
        $visit
    done
} 2> /dev/null
"""

START_TIME = r"""$(read -r line < /proc/$$/stat && set -- ${line##*\) } && shift 19 && echo "$1")"""
"""Of the shell that this stands in."""
