"""What a child's streams are made of, when there are no descriptors left, and what is believed of who answers."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from services.executor.backends.process.ends import terminal
from services.executor.backends.process.entrance import _started
from services.executor.backends.process.programs import request_for, request_of
from services.executor.backends.refusals import SENTENCE_CHARS
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child, Terminal

SCRIPT = """
import os, resource
from services.executor.backends.process.ends import pipes

def files():
    return set(os.listdir("/proc/self/fd"))

before = files()
for spare in range(6):
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, before)) + spare, 4096))
    try:
        mine, theirs = pipes()
    except OSError:
        continue
    for file in (*mine.values(), *theirs):
        os.close(file)
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 4096))
print(len(files() - before))
"""


def test_a_child_that_cannot_be_given_all_its_streams_leaves_none_open() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


async def refusal(child: Child | str, code: str) -> Conflict:
    """What whoever stands at the run's door refuses it with."""
    request = request_of(child, "/bin/sh") if isinstance(child, Child) else request_for(child)
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        far.sendall(b'{"refused": "%s", "message": "no \\u001b[31m%s"}\n' % (code.encode(), b"x" * 1000))
        with pytest.raises(Conflict) as refused:
            await _started(near, child, request)
    return refused.value


async def test_a_program_is_refused_in_words_that_can_be_shown() -> None:
    refused = await refusal(Child(argv=("jupyter",)), "program_missing")
    assert refused.details == {"code": "program_missing", "program": "jupyter"}
    assert str(refused).startswith("no ?[31mx") and len(str(refused)) == SENTENCE_CHARS


async def test_only_who_looks_for_a_program_hears_that_it_does_not_run() -> None:
    assert (await refusal("jupyter", "not_started")).details["code"] == "not_started"
    for child, code in ((Child(argv=("jupyter",)), "not_started"), ("jupyter", "program_missing"), ("jupyter", "odd")):
        with pytest.raises(ValueError, match="no answer to what was asked for"):
            await refusal(child, code)


# --- terminals

TERMINAL = Child(argv=("bash",), terminal=Terminal(rows=9, columns=90))


async def started_by(far: socket.socket, near: socket.socket, leads: int) -> dict[str, int]:
    """The caller's ends of a child with a terminal, where whoever stands at the run's door hands this in for it."""
    near.setblocking(False)
    socket.send_fds(far, [b'{"terminals": true}\n'], [leads])
    far.sendall(b'{"pid": 7}\n')
    files, _ = await _started(near, TERMINAL, request_of(TERMINAL, "/bin/sh"))
    return files


async def test_a_terminal_is_opened_by_who_reads_it_so_that_nobody_else_can_have_it_block() -> None:
    near, far = socket.socketpair()
    kept, other = os.openpty()
    with near, far:
        files = await started_by(far, near, kept)
        os.set_blocking(kept, True)
        assert not os.get_blocking(files["terminal"])
        assert os.get_terminal_size(files["terminal"]) == (90, 9)
        _, inside, _, _ = socket.recv_fds(far, 1 << 16, 1)
        if not inside:  # what was asked first stood before it
            _, inside, _, _ = socket.recv_fds(far, 1 << 16, 1)
        os.write(inside[0], b"hello")
        assert os.read(files["terminal"], 100) == b"hello"
    for file in (kept, other, *files.values(), *inside):
        os.close(file)


@pytest.mark.parametrize("what", ["file", "pipe", "terminal's other end"])
async def test_what_does_not_lead_to_terminals_is_no_way_into_a_run(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").touch()
    first, second = os.pipe() if what == "pipe" else os.openpty()
    leads = os.open(tmp_path / "file", os.O_PATH) if what == "file" else os.dup(second)
    near, far = socket.socketpair()
    before = os.listdir("/proc/self/fd")
    with near, far:
        with pytest.raises(ValueError, match="terminals"):
            await started_by(far, near, leads)
        assert os.listdir("/proc/self/fd") == before
    for file in (first, second, leads):
        os.close(file)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give it away")
def test_a_terminal_is_that_of_the_runs_user() -> None:
    ptmx = os.open("/dev/ptmx", os.O_PATH)
    mine, theirs = terminal(ptmx, 24, 80, 4321)
    assert os.fstat(theirs[0]).st_uid == 4321
    for file in (ptmx, *mine.values(), *theirs):
        os.close(file)
