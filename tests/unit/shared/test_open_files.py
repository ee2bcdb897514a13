"""A service may have as many files open as the system lets it, not as few as most programs are given."""

import subprocess
import sys

PROGRAM = """
import resource
from shared.descriptors import allow_all

resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512))
allow_all()
print(resource.getrlimit(resource.RLIMIT_NOFILE), allow_all())
"""


def test_the_limit_of_open_files_is_raised_to_the_most_that_is_allowed() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "(512, 512) 512"
