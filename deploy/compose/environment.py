"""Makes `.env` for compose.yaml, once: secrets that nobody knew before, and what this machine is.

    python3 deploy/compose/environment.py [.env]

It is only readable by its owner, and never written over: a second run keeps what is there and adds what a newer version
needs. The first password of `admin` is made here too and kept in a file beside, or else the gateway would make one up
and say it in its log. Standard library only.
"""

import contextlib
import os
import re
import secrets
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ACCOUNTS = CHECKOUT / "deploy" / "nats" / "accounts.conf"
SOCKET = "/var/run/docker.sock"
ADMIN = "JOBYARD_GATEWAY_ADMIN_PASSWORD"
NOBODY = 10_001
"""Whose the services are, where root starts them."""


def wanted(socket: str, folder: Path) -> dict[str, str]:
    """Everything that compose.yaml needs. Raises FileNotFoundError where there is no engine."""
    own = os.geteuid() != 0
    password = _secret()
    names = sorted(set(re.findall(r"\$(JOBYARD_NATS_[A-Z0-9_]+_PASSWORD)", ACCOUNTS.read_text())))
    return {
        "JOBYARD_FOLDER": str(folder),
        "JOBYARD_UID": str(os.geteuid() if own else NOBODY),
        "JOBYARD_GID": str(os.getegid() if own else NOBODY),
        "JOBYARD_DOCKER_SOCKET": socket,
        "JOBYARD_DOCKER_GID": str(os.stat(socket).st_gid),
        "JOBYARD_MONGO_PASSWORD": password,
        "JOBYARD_MONGO_KEY": _secret(),
        "JOBYARD_MONGO_URL": f"mongodb://jobyard:{password}@mongo:27017/?replicaSet=rs0&authSource=admin",
        "JOBYARD_GRAFANA_PASSWORD": _secret(),
        ADMIN: kept(folder) or _secret(),
        **{name: _secret() for name in names},
    }


def read(path: Path) -> dict[str, str]:
    """What stands in `.env`; nothing where there is none."""
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def written(path: Path, values: dict[str, str]) -> dict[str, str]:
    """What stands in the file now: what was there, and what of the values was not."""
    there = read(path)
    added = {name: value for name, value in values.items() if name not in there}
    if added:
        before = path.read_text().splitlines() if path.exists() else []
        text = "".join(f"{line}\n" for line in [*before, *(f"{name}={value}" for name, value in added.items())])
        draft = path.with_name(f"{path.name}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        os.replace(draft, path)
    return there | added


def kept(folder: Path) -> str | None:
    """The first password of `admin`, as an earlier start has left it."""
    file = password_file(folder)
    return file.read_text().strip() if file.exists() else None


def keep(folder: Path, password: str) -> None:
    """For people, and for `jobyard` on this machine."""
    with contextlib.suppress(FileExistsError):
        file = os.open(password_file(folder), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w") as opened:
            opened.write(password)


def password_file(folder: Path) -> Path:
    """Where the gateway would keep it."""
    return folder / "admin-password"


def make(path: Path, socket: str) -> None:
    """The file, and the folders that it names: these first, so that whatever stops this, it can be called again.

    Raises FileNotFoundError where there is no engine, PermissionError.
    """
    before = read(path)
    folder = Path(before.get("JOBYARD_FOLDER", CHECKOUT / ".jobyard" / "compose"))
    values = wanted(socket, folder)
    ours = [folder, folder / "nats", folder / "storage"]
    for made in ours:
        made.mkdir(mode=0o700, parents=True, exist_ok=True)
    if ADMIN not in before:  # else it is somebody's own, or was kept then
        keep(folder, values[ADMIN])
        ours.append(password_file(folder))
    values = written(path, values)
    if os.geteuid() == 0:
        for made in ours:
            os.chown(made, int(values["JOBYARD_UID"]), int(values["JOBYARD_GID"]))


def main(path: Path) -> None:
    socket = (os.environ.get("DOCKER_HOST") or f"unix://{SOCKET}").removeprefix("unix://")
    try:
        make(path, socket)
    except FileNotFoundError as error:
        sys.exit(f"There is no Docker engine at {error.filename}. Start one, or name its socket in DOCKER_HOST.")
    except PermissionError as error:
        sys.exit(f"{error.filename} is somebody else's. Call this as whoever called it first.")


def _secret() -> str:
    """Begins with a letter: nats-server takes what looks like a number for one."""
    return f"s{secrets.token_hex(24)}"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CHECKOUT / ".env")
