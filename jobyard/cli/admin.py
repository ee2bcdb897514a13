"""`jobyard admin`: an installation's data as a whole, and what will not come back.

What touches the data folder is done by `services.admin`, which this process becomes, as with `jobyard up`.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.confirm import YesOption, confirm
from jobyard.cli.session import JobArgument, JsonOption, session
from jobyard.cli.terminal import output, print_json
from jobyard.errors import JobyardError

TOOL = "services.admin"

app = typer.Typer(
    help="Back up, restore and move an installation's data; forget nodes, give up runs.", no_args_is_help=True
)
node = typer.Typer(help="The machines that jobs run on.", no_args_is_help=True)
app.add_typer(node, name="node")
run = typer.Typer(help="The runs of jobs.", no_args_is_help=True)
app.add_typer(run, name="run")

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


@run.command()
def force(context: typer.Context, job: JobArgument, yes: YesOption = False, as_json: JsonOption = False) -> None:
    """Give up the run of a job whose node in a cluster will not come back: the job is queued again, paused or killed.

    Refused while the node answers. What a node that was merely cut off still runs, it goes on running.
    """
    current = session(context)
    job_id = current.job_id(job)
    confirm(f"Give up the run of {job_id}, whose node does not come back?", f"give up the run of {job_id}", yes)
    forced = current.client.force(job_id)
    if as_json:
        print_json(forced)
    else:
        output().print(Text(f"The run of {forced.id} was given up; its job follows within moments."))


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
