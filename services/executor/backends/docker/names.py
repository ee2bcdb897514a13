"""How this backend's containers and networks are named and labelled: by that it finds its own again, and nothing else.

Another executor on the same engine has another home, and so other names and labels.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.executor.backends.protocol import RunOrder
from services.executor.domain.record import rank_of

RUN, HOME, NODE, BOOT = "jobyard.run", "jobyard.home", "jobyard.node", "jobyard.boot"
"""Labels. Nothing is adopted or removed that has not this backend's `jobyard.home`."""
GRACE = "jobyard.grace"
"""Seconds between SIGTERM and SIGKILL."""
JOB, OWNER, VC, IMAGE = "jobyard.job", "jobyard.owner", "jobyard.vc", "jobyard.image"
"""For people who look at the engine."""

Container = Mapping[str, Any]
"""As the engine's `inspect` has it."""


def home_id_of(home: Path) -> str:
    """What tells this backend's containers from those of another executor on the same engine."""
    return hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:12]


def name_of(home_id: str, run_id: str) -> str:
    """The container's name, which makes it the only one of its run."""
    return f"jobyard-{home_id}-{run_id}"


def run_of(home_id: str, name: str) -> str | None:
    """Whose container has this name; none if it is not of this backend."""
    prefix = f"jobyard-{home_id}-"
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def network_of(home_id: str, run_id: str) -> str:
    """The one network of all ranks of the run that this is a rank of."""
    return name_of(home_id, rank_of(run_id)[0])


def labels_of(order: RunOrder, image: str, home_id: str, boot_id: str) -> dict[str, str]:
    return {
        RUN: order.run_id,
        HOME: home_id,
        BOOT: boot_id,
        NODE: order.node,
        GRACE: f"{order.grace_s:g}",
        JOB: order.job_id,
        OWNER: order.owner,
        VC: order.vc,
        IMAGE: image,
    }


def is_of(container: Container, home_id: str) -> bool:
    """Whether the backend of this home has made it."""
    return bool(container["Config"]["Labels"].get(HOME) == home_id)


def boot_of(container: Container) -> str | None:
    """Under which start of the machine it was made."""
    boot: str | None = container["Config"]["Labels"].get(BOOT)
    return boot


def grace_of(container: Container) -> float:
    return float(container["Config"]["Labels"].get(GRACE, 0))
