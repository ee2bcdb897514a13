"""Hints from supervisors to the executor: a named pipe in its folder, a line each: `run what name=value ...`.

Best effort: what an executor misses while it is away, or as the pipe is full, it finds in the runs' folders. A pipe
rather than a datagram socket, whose queue holds ten by default.
"""

import os

PIPE = "hints"


def announce(home: str, run_id: str, what: str, facts: dict[str, str]) -> None:
    """Tell whoever listens in this folder, at once or not at all. Lines of several writers do not mix."""
    line = " ".join([run_id, what, *(f"{key}={value}" for key, value in facts.items())]) + "\n"
    try:
        pipe = os.open(f"{home}/{PIPE}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(pipe, line.encode())
    except OSError:
        return
    finally:
        os.close(pipe)
