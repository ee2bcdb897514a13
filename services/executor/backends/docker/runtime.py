"""What is mounted into every container so that the supervisor can run there: this interpreter, and what it needs.

An image may have no Python, another C library, or nothing at all. So the interpreter comes with every library that it
has mapped, the dynamic loader among them, which is started by its name: nothing of the image is used. What that is, a
process finds out that has imported the supervisor and looks at itself. The folder is named for its content: a new
version of Jobyard makes a new one, and a run keeps the one that it was started with.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import services

MODULE = "services.executor.backends.docker.inside"
HERE = "/.jobyard/runtime"
"""Where it is in a container."""
_SOURCES = Path(services.__file__).parents[1]
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

_LOOK = f"""
import json, os, sys, encodings.utf_8, encodings.latin_1, encodings.ascii, traceback
sys.path.insert(0, {str(_SOURCES)!r})
import {MODULE}
files = [module.__spec__.origin for module in list(sys.modules.values()) if getattr(module, "__spec__", None)]
mapped = {{line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if line.count("/") and ".so" in line}}
print(json.dumps({{
    "standard": os.path.dirname(os.__file__),
    "modules": sorted(file for file in files if file and os.path.isabs(file)),
    "libraries": sorted(mapped),
}}))
"""


class Runtime:
    """A folder with the interpreter, its libraries and the supervisor's modules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        loader = next(path.name for path in (folder / "libraries").iterdir() if path.name.startswith("ld-"))

        self.argv = (
            f"{HERE}/libraries/{loader}",
            "--library-path",
            f"{HERE}/libraries",
            f"{HERE}/bin/python3",
            "-I",
            "-S",
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, '{HERE}/modules'); from {MODULE} import main; main()",
        )
        """What the container starts with."""


def made(home: Path) -> Runtime:
    """The runtime of this version under `home`; made if it is not there. Blocks; raises OSError."""
    looked = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LOOK], capture_output=True, text=True, check=False, timeout=60
    )
    if looked.returncode != 0:
        raise OSError(f"The interpreter {sys.executable} cannot be prepared for containers: {looked.stderr[-500:]}")
    seen = json.loads(looked.stdout)
    parts = dict(_parts(seen))
    folder = home / "runtime" / _digest(parts)
    if not folder.exists():
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent))
        draft.chmod(0o755)
        for name, source in parts.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, draft / name)
            (draft / name).chmod(0o755)
        try:
            os.rename(draft, folder)
        except OSError:  # another executor was first
            shutil.rmtree(draft)
            if not folder.exists():
                raise
    return Runtime(folder)


def _parts(seen: dict[str, object]) -> Iterator[tuple[str, Path]]:
    """Each file's place in the folder, and where it comes from."""
    standard = Path(str(seen["standard"]))
    yield "bin/python3", Path(sys.executable).resolve()
    for name in seen["libraries"]:  # type: ignore[attr-defined]
        path = Path(name)
        if not path.is_relative_to(standard):
            for known in path.parent.glob(f"{path.name.partition('.so')[0]}.so*"):
                if known.samefile(path):  # by the names that those who need it know it by
                    yield f"libraries/{known.name}", path
    for name in [*seen["modules"], str(standard / "os.py")]:  # type: ignore[misc]
        path = Path(name)
        if path.is_relative_to(standard):
            yield f"lib/{_PYTHON}/{path.relative_to(standard)}", path
        elif path.is_relative_to(_SOURCES):
            yield f"modules/{path.relative_to(_SOURCES)}", path


def _digest(parts: dict[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, source in sorted(parts.items()):
        digest.update(f"{name}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
