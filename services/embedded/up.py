"""The life of the platform's parent process: it settles where things are, starts the parts, and stays until the end.

What it settles stands in the environment, where the parts that it forks read their settings.
"""

import argparse
import gc
import os
import sys
from functools import partial
from pathlib import Path

from services.embedded.children import Child
from services.embedded.doors import DOOR_SETTING, SSH_SETTING, Door, doors, open_door
from services.embedded.folder import findable, only_one
from services.embedded.groups import Group, fork, groups
from services.embedded.options import SIMULATE, SSH_PORT, check_devices, options
from services.embedded.platform import Platform
from services.embedded.saying import say
from shared.embedded_nats import NatsProcess
from shared.ports import free_port, is_free
from shared.settings import PlatformSettings
from shared.wrong_settings import EXIT_CODE, WrongSettings


def up(arguments: list[str]) -> None:
    """Until SIGTERM or Ctrl-C.

    Exits with 1 where the platform cannot run, with 2 for options that are none, with EXIT_CODE for wrong settings.
    """
    chosen = options(arguments)
    if chosen.simulate:
        check_devices(chosen.simulate)
    data = chosen.data.resolve()
    with only_one(data):
        port = settle(chosen, data)
        ways = told()
        first = servers(data)
        parts = services(chosen.metrics_port)
        gc.freeze()
        url = f"http://127.0.0.1:{port}"
        with findable(data, url):
            code = Platform(first, parts, url, ways).run()
    if code:
        sys.exit(code)


def settle(chosen: argparse.Namespace, data: Path) -> int:
    """Where everything is; the port of the API. Exits with 1 when that is taken."""
    port: int = chosen.port or free_port()
    if not is_free(port):
        say(f"Port {port} is taken. Choose another with --port.", to=sys.stderr)
        sys.exit(1)
    door_port = 0 if chosen.port == 0 and chosen.door_port is None else chosen.door_port
    open_door("door to Jupyter, TensorBoard and ports of jobs", "--door-port", door_port, port + 1, DOOR_SETTING)
    open_door("SSH into jobs", "--ssh-port", chosen.ssh_port, SSH_PORT, SSH_SETTING)
    os.environ["JOBYARD_DATA"] = str(data)
    os.environ["JOBYARD_PORT"] = str(port)
    if os.environ.get("JOBYARD_EXECUTOR_BACKEND") in (None, "", "process"):
        # who may run processes here reads all of it anyway; a container reads what it is given
        os.environ.setdefault("JOBYARD_PATH_ROOTS", os.getcwd())
    # Jobs find the `python3` that has what the platform was installed with, before the system's own.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ.setdefault("JOBYARD_LOG_LEVEL", "warning")
    if chosen.simulate:
        os.environ[SIMULATE] = chosen.simulate
    return port


def told() -> list[Door]:
    """The doors into jobs. Exits with EXIT_CODE when what their settings, or those of all parts, say is wrong."""
    try:
        PlatformSettings()
        return doors()
    except WrongSettings as error:
        say(str(error), to=sys.stderr)
        sys.exit(EXIT_CODE)


def servers(data: Path) -> list[Child]:
    """What the services need, which is started at once; none where the settings name one that runs elsewhere."""
    if "JOBYARD_NATS_URL" in os.environ:
        return []
    nats = NatsProcess(data / "nats")
    os.environ["JOBYARD_NATS_URL"] = nats.url
    child = Child("nats-server", nats.start)
    child.start()
    return [child]


def services(metrics_port: int) -> list[Child]:
    """Our own parts. `metrics_port`: of the first one, those of the others follow; 0: none."""
    ports = {group: metrics_port + index if metrics_port else None for index, group in enumerate(groups())}
    if metrics_port:
        places = ", ".join(f"{port} ({group.name})" for group, port in ports.items())
        say(f"metrics for Prometheus at http://127.0.0.1:<port>/metrics: {places}")
    return [Child(group.name, partial(_start, group, port)) for group, port in ports.items()]


def _start(group: Group, metrics_port: int | None) -> int:
    """Its metrics are read where that port is free; the part goes on without, and says so."""
    if metrics_port is not None and not is_free(metrics_port):
        say(
            f"Port {metrics_port} is taken, so Prometheus cannot read the metrics of {group.name}. "
            "Choose other ports with --metrics-port, or none with 0.",
            to=sys.stderr,
        )
        metrics_port = None
    return fork(group, metrics_port)
