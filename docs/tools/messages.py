"""`docs/messages.md`: who answers and hears what, from the SUBSCRIPTIONS of the services."""

from collections.abc import Sequence

from services.endpoints.handlers import SUBSCRIPTIONS as ENDPOINTS
from services.executor.handlers import SUBSCRIPTIONS as EXECUTOR
from services.gateway.handlers import SUBSCRIPTIONS as GATEWAY
from services.jobs.handlers import SUBSCRIPTIONS as JOBS
from services.logs.handlers import SUBSCRIPTIONS as LOGS
from services.metrics.handlers import SUBSCRIPTIONS as METRICS
from services.notify.handlers import SUBSCRIPTIONS as NOTIFY
from services.scheduler.handlers import SUBSCRIPTIONS as SCHEDULER
from shared.bus.subscriptions import Answers, PerNode, Shared, Subscription

SERVICES: dict[str, Sequence[Subscription]] = {
    "jobs": JOBS,
    "scheduler": SCHEDULER,
    "executor": EXECUTOR,
    "logs": LOGS,
    "gateway": GATEWAY,
    "metrics": METRICS,
    "notify": NOTIFY,
    "endpoints": ENDPOINTS,
}
INTRODUCTION = """# Who answers and hears what

Written by `make docs` from the SUBSCRIPTIONS of the services; do not edit. The messages themselves are described in
[asyncapi.yaml](asyncapi.yaml). The gateway answers people over HTTP, asks everybody, and follows EVENTS and LOGS for
those who watch.

Events reach a service in one of three ways. **shared**: one durable consumer, replicas divide the work. **each**: every
replica hears everything, in order, from the moment it subscribed. **node**: one durable consumer for each node.
"""


def document() -> str:
    """The page, in Markdown."""
    return "\n".join([INTRODUCTION, *(_section(name, subscriptions) for name, subscriptions in SERVICES.items())])


def places() -> dict[str, str]:
    """Commands that go to one place only, by their subjects: what their subjects end with, `node` or `partition`."""
    every = (one for subscriptions in SERVICES.values() for one in subscriptions if isinstance(one, Answers))
    return {one.command.subject: place for one in every if (place := place_of(one))}


def place_of(answers: Answers) -> str:
    """Empty for a command that any replica answers."""
    return "node" if answers.at_node or answers.from_node else "partition" if answers.at_partition else ""


def _section(service: str, subscriptions: Sequence[Subscription]) -> str:
    lines = [f"## {service}\n", "| | subject | |", "|---|---|---|"]
    lines += [_line(one) for one in subscriptions]
    return "\n".join(lines) + "\n"


def _line(one: Subscription) -> str:
    if isinstance(one, Answers):
        place = f".<{place_of(one)}>" if place_of(one) else ""
        return f"| answers | `{one.command.subject}{place}` | {one.command.says} |"
    way = "node" if isinstance(one, PerNode) else "shared" if isinstance(one, Shared) else "each"
    return f"| hears ({way}) | {', '.join(f'`{subject}`' for subject in one.subjects)} | stream {one.stream} |"
