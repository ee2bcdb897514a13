"""`jobyard admin`: an installation's data as a whole. This process becomes `services.admin`, as with `jobyard up`."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobyard.errors import JobyardError

TOOL = "services.admin"

app = typer.Typer(help="Back up, restore and move an installation's data; forget nodes.", no_args_is_help=True)
node = typer.Typer(help="The machines that jobs run on.", no_args_is_help=True)
app.add_typer(node, name="node")

DataOption = Annotated[Path | None, typer.Option(help="The platform's data folder; else JOBYARD_DATA, .jobyard.")]


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="Must not exist; in a folder it gets a name.")],
    data: DataOption = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Leave out the admin password and the key of secrets.")
    ] = False,
) -> None:
    """Write documents, consoles and keys into one file, while the platform runs or not."""
    become("backup", str(target), *_data(data), *(["--without-keys"] if without_keys else []))


@app.command()
def restore(source: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")], data: DataOption = None) -> None:
    """Put a backup into an empty data folder, checked to the last byte."""
    become("restore", str(source), *_data(data))


@app.command()
def migrate(data: DataOption = None) -> None:
    """Copy the documents of a stopped platform from SQLite to the MongoDB of JOBYARD_MONGO_URL."""
    become("migrate", *_data(data))


@app.command("rotate-secret-key")
def rotate_secret_key(data: DataOption = None) -> None:
    """Put a new key of secrets before the old one; the gateway's next start seals every secret anew."""
    become("rotate-secret-key", *_data(data))


@node.command()
def forget(
    name: Annotated[str, typer.Argument(metavar="NODE", help="As its jobs show it.")],
    data: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Say that a node will not come back: its jobs are queued again, and those being killed are killed."""
    become("node", "forget", name, *_data(data), *(["--yes"] if yes else []))


def become(*words: str) -> None:
    """Run the tool in place of this process. Raises JobyardError where there is only the client."""
    if not installed():
        raise JobyardError(
            "The platform itself is not installed here, only its client. Run this where the platform runs."
        )
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", TOOL, *words])


def installed() -> bool:
    """Whether the platform's own modules can be found."""
    try:
        return importlib.util.find_spec(TOOL) is not None
    except ModuleNotFoundError:
        return False


def _data(folder: Path | None) -> list[str]:
    return [] if folder is None else ["--data", str(folder)]
