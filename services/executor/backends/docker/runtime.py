"""What is mounted into every container so that the supervisor can run there: this interpreter, and what it needs.

An image may have no Python, another C library, or nothing at all. So the interpreter comes with every library that it
has mapped, the dynamic loader among them, which is started by its name: nothing of the image is used. What that is, a
process finds out that has imported the supervisor and looks at itself. The folder is named for its content: a new
version of Jobyard makes a new one, and a run keeps the one that it was started with.

An image is its job's, and the supervisor decides before the job may do anything. So no image can put code into it: the
loader's own list of libraries to load first is the one file of an image that it would read, and is not read here.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel

import services

MODULE = "services.executor.backends.docker.inside"
FORM = b"2"
"""Another one for folders that are made in another way of the same parts."""
LOOK_S = 60.0
_PRELOADED, _NOTHING = b"/etc/ld.so.preload", b"/proc/self/nothing"
"""As glibc's loader has it, and what it is to have: a path as long, in what is the kernel's own, where nothing is."""
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


class Seen(BaseModel):
    """What the process that looked at itself has found: paths on this machine."""

    standard: Path
    """The folder of the standard library."""
    modules: tuple[Path, ...]
    libraries: tuple[Path, ...]


class Runtime:
    """A folder with the interpreter, its libraries and the supervisor's modules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loader = next(path.name for path in (folder / "libraries").iterdir() if _is_loader(path.name))

    def argv(self, here: str) -> list[str]:
        """What a container starts with that has the folder at `here`."""
        return [
            f"{here}/libraries/{self._loader}",
            "--library-path",
            f"{here}/libraries",
            f"{here}/bin/python3",
            "-I",
            "-S",
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, '{here}/modules'); from {MODULE} import main; main()",
        ]


def made(home: Path) -> Runtime:
    """The runtime of this version under `home`; made if it is not there. Blocks; raises OSError."""
    command = [sys.executable, "-I", "-S", "-c", _LOOK]
    looked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LOOK_S)
    if looked.returncode != 0:
        raise OSError(f"The interpreter {sys.executable} cannot be prepared for containers: {looked.stderr[-500:]}")
    parts = dict(_parts(Seen.model_validate_json(looked.stdout)))
    folder = home / "runtime" / _digest(parts)
    if not folder.exists():
        _make(folder, parts)
    return Runtime(folder)


def _make(folder: Path, parts: Mapping[str, Path]) -> None:
    """Whole or not at all."""
    folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    draft.chmod(0o755)
    for name, source in parts.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, draft / name)
        if _is_loader(Path(name).name):
            (draft / name).write_bytes(source.read_bytes().replace(_PRELOADED, _NOTHING))
        (draft / name).chmod(0o755)
    try:
        os.rename(draft, folder)
    except OSError:  # another executor was first
        shutil.rmtree(draft)
        if not folder.exists():
            raise


def _parts(seen: Seen) -> Iterator[tuple[str, Path]]:
    """Each file's place in the folder, and where it comes from."""
    yield "bin/python3", Path(sys.executable).resolve()
    for path in seen.libraries:
        if not path.is_relative_to(seen.standard):
            for known in path.parent.glob(f"{path.name.partition('.so')[0]}.so*"):
                if known.samefile(path):  # by the names that those who need it know it by
                    yield f"libraries/{known.name}", path
    for path in (*seen.modules, seen.standard / "os.py"):  # by `os.py` an interpreter knows its library
        if path.is_relative_to(seen.standard):
            yield f"lib/{_PYTHON}/{path.relative_to(seen.standard)}", path
        elif path.is_relative_to(_SOURCES):
            yield f"modules/{path.relative_to(_SOURCES)}", path


def _digest(parts: Mapping[str, Path]) -> str:
    digest = hashlib.sha256(FORM)
    for name, source in sorted(parts.items()):
        digest.update(f"{name}\0".encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _is_loader(name: str) -> bool:
    return name.startswith("ld-")
