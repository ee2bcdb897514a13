"""`docs/messages.md`: who answers and hears what, from the SUBSCRIPTIONS of the services."""

from collections.abc import Sequence

from services.executor.handlers import SUBSCRIPTIONS as EXECUTOR
from services.jobs.handlers import SUBSCRIPTIONS as JOBS
from services.logs.handlers import SUBSCRIPTIONS as LOGS
from services.notify.handlers import SUBSCRIPTIONS as NOTIFY
from services.scheduler.handlers import SUBSCRIPTIONS as SCHEDULER
from shared.bus.subscriptions import Answers, PerNode, Shared, Subscription

SERVICES: dict[str, Sequence[Subscription]] = {
    "jobs": JOBS,
    "scheduler": SCHEDULER,
    "executor": EXECUTOR,
    "logs": LOGS,
    "notify": NOTIFY,
}
INTRODUCTION = """# Who answers and hears what

Written by `make docs` from the SUBSCRIPTIONS of the services; do not edit. The messages themselves are described in
[asyncapi.yaml](asyncapi.yaml). The gateway answers over HTTP, asks everybody, and follows EVENTS and LOGS for those who
watch.

Events reach a service in one of three ways. **shared**: one durable consumer, replicas divide the work. **each**: every
replica hears everything, in order, from the moment it subscribed. **node**: one durable consumer for each node.
"""


def document() -> str:
    """The page, in Markdown."""
    return "\n".join([INTRODUCTION, *(_section(name, subscriptions) for name, subscriptions in SERVICES.items())])


def at_node() -> frozenset[str]:
    """Subjects of the commands that go to the service of one node."""
    every = (one for subscriptions in SERVICES.values() for one in subscriptions)
    return frozenset(one.command.subject for one in every if isinstance(one, Answers) and one.at_node)


def _section(service: str, subscriptions: Sequence[Subscription]) -> str:
    lines = [f"## {service}\n", "| | subject | |", "|---|---|---|"]
    lines += [_line(one) for one in subscriptions]
    return "\n".join(lines) + "\n"


def _line(one: Subscription) -> str:
    if isinstance(one, Answers):
        place = ".<node>" if one.at_node else ""
        return f"| answers | `{one.command.subject}{place}` | {one.command.says} |"
    way = "node" if isinstance(one, PerNode) else "shared" if isinstance(one, Shared) else "each"
    return f"| hears ({way}) | {', '.join(f'`{subject}`' for subject in one.subjects)} | stream {one.stream} |"
