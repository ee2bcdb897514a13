"""What a child's streams are made of, when there are no descriptors left, and what is believed of who refuses one."""

import socket
import subprocess
import sys

import pytest

from services.executor.backends.process.entrance import _started
from services.executor.backends.process.programs import request_for, request_of
from services.executor.backends.refusals import SENTENCE_CHARS
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child

SCRIPT = """
import os, resource
from services.executor.backends.process.entrance import _pipes

def files():
    return set(os.listdir("/proc/self/fd"))

before = files()
for spare in range(6):
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, before)) + spare, 4096))
    try:
        mine, theirs = _pipes()
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
