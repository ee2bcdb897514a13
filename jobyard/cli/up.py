"""`jobyard up`: the whole platform on this machine. This process becomes it."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobyard.errors import JobyardError

PLATFORM = "services.embedded"


def up(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where it listens; else JOBYARD_PORT, 8080.")
    ] = None,
    door_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Of Jupyter, TensorBoard and the ports of jobs; else the port of the API + 1."
        ),
    ] = None,
    ssh_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of SSH into jobs; else 2222.")] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(min=0, max=65532, help="First of four ports where Prometheus reads metrics; 0: none; else 9464."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Where it keeps everything; else JOBYARD_DATA, .jobyard.")] = None,
    simulate: Annotated[
        str | None, typer.Option(metavar="TYPE=COUNT,...", help="Devices to pretend, such as `v100=8,ascend910=8`.")
    ] = None,
) -> None:
    """Start the platform on this machine, until Ctrl-C. Running jobs go on without it."""
    if not installed():
        raise JobyardError(
            "The platform itself is not installed here, only its client. Clone its repository and run `make up` there."
        )
    given = {
        "--port": port,
        "--door-port": door_port,
        "--ssh-port": ssh_port,
        "--metrics-port": metrics_port,
        "--data": data,
        "--simulate": simulate,
    }
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", PLATFORM, *options])


def installed() -> bool:
    """Whether the platform's own modules can be found."""
    try:
        return importlib.util.find_spec(PLATFORM) is not None
    except ModuleNotFoundError:
        return False
