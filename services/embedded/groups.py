"""Which services share a process, and how one is forked."""

import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from shared.parent import end_with_parent

if TYPE_CHECKING:
    from shared.runtime import Build


@dataclass(frozen=True)
class Group:
    """Services that share a process: as few processes as measured to be best (docs/performance.md)."""

    name: str
    builds: tuple["Build", ...]
    loop: Literal["uvloop", "asyncio"] = "uvloop"


def groups() -> tuple[Group, ...]:
    """All services. Imported here: nats-server starts while these are loaded, once for all of the children."""
    from services.endpoints.app import build as endpoints
    from services.executor.app import build as executor
    from services.gateway.app import build as gateway
    from services.jobs.app import build as jobs
    from services.logs.app import build as logs
    from services.metrics.app import build as metrics
    from services.notify.app import build as notify
    from services.scheduler.app import build as scheduler

    return (
        Group("core", (jobs, scheduler, logs, metrics, notify)),
        Group("executor", (executor,), loop="asyncio"),
        Group("gateway", (gateway,)),
        Group("endpoints", (endpoints,)),
    )


def fork(group: Group, port: int | None) -> int:
    """Start a group of services in a process of its own; its id. `port`: of its `/metrics`; None: it has none."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        end_with_parent()
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.environ |= {"JOBYARD_HEALTH_HOST": "127.0.0.1", "JOBYARD_HEALTH_PORT": str(port or "")}
        from shared.runtime import main

        main(*group.builds, loop=group.loop)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001  (a child must not run the parent's code, whatever happened)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
