"""An executor with other code starts another spawner: the version says whenever a supervisor would run another line."""

import subprocess
import sys
from pathlib import Path

from services.executor.backends.process import spawner

LOADED = """
import sys
import services.executor.backends.process.spawner
for module in list(sys.modules.values()):
    if module.__name__.startswith(("services.", "shared.")) and not module.__file__.endswith("__init__.py"):
        print(module.__file__)
"""


def test_the_version_is_of_every_module_that_a_supervisor_is_made_of() -> None:
    loaded = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    assert {Path(module.__file__ or "") for module in spawner.CODE} == set(map(Path, loaded))
