"""What `jobyard up` may be told, and what of it is refused at once."""

import argparse
import os
import sys
from pathlib import Path

from services.embedded.saying import say

SSH_PORT = 2222
SIMULATE = "JOBYARD_EXECUTOR_SIMULATE"
METRICS_PORT = 9464
"""Of the first part, the others have those that follow: where exporters usually listen."""


def options(arguments: list[str]) -> argparse.Namespace:
    """What was chosen, or the settings say. Exits with 2 for what is no option."""
    parser = argparse.ArgumentParser(
        prog="jobyard up", description="Run the whole platform on this machine until Ctrl-C."
    )
    parser.add_argument(
        "--port", type=int, default=os.environ.get("JOBYARD_PORT", "8080"), help="of the API; 0: any free one"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("JOBYARD_DATA", ".jobyard")), help="folder of all data"
    )
    parser.add_argument(
        "--door-port",
        type=int,
        help="of Jupyter, TensorBoard and the ports of jobs; 0: any free one; else the port of the API + 1",
    )
    parser.add_argument("--ssh-port", type=int, help=f"of SSH into jobs; 0: any free one; else {SSH_PORT}")
    parser.add_argument(
        "--metrics-port",
        type=int,
        default=METRICS_PORT,
        help=f"first of the ports where Prometheus reads metrics, one for each part; 0: none; else {METRICS_PORT}",
    )
    parser.add_argument("--simulate", help="devices that do not exist, not the machine's own: v100=8,ascend910=8")
    return parser.parse_args(arguments)


def check_devices(text: str) -> None:
    """Exits with 2 for what the executor would refuse: it would be started again and again, and never come."""
    from services.executor.settings import ExecutorSettings
    from shared.wrong_settings import WrongSettings

    try:
        ExecutorSettings(simulate=text)
    except WrongSettings as error:
        say(str(error).replace(f"{SIMULATE} is wrong", "--simulate"), sys.stderr)
        sys.exit(2)
