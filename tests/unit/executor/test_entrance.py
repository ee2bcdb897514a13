"""What a child's streams are made of, when there are no descriptors left."""

import subprocess
import sys

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
