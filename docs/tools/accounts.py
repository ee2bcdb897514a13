"""`deploy/nats/accounts.conf`: what each service may publish and hear on NATS, from the tables of the services.

One user per service. What follows from a service's SUBSCRIPTIONS, its ASKS and the facts that it owns is derived; what
a service does beside them stands in BESIDE. An installation that names its nodes gives each executor a user of its own,
which is held to its node. Answers come to an inbox of the asker's own, and only who answers its
commands may publish there: `allow_responses` would do the same, but the server walks over all replies that are still
open with each message that such a client gets, which a follower of a busy stream can not afford.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from docs.tools.contracts import FACTS
from docs.tools.messages import SERVICES, place_of
from services.admin.nodes import ASKS as OPERATOR
from services.endpoints.handlers import ASKS as ENDPOINTS
from services.executor.handlers import ASKS as EXECUTOR
from services.gateway.asking import ASKS as GATEWAY
from services.jobs.handlers import ASKS as JOBS
from services.logs.handlers import ASKS as LOGS
from services.metrics.handlers import ASKS as METRICS
from services.notify.handlers import ASKS as NOTIFY
from services.scheduler.handlers import ASKS as SCHEDULER
from shared.bus.streams import NAMES
from shared.bus.subscriptions import Answers, Each, PerNode, Shared
from shared.contracts import subjects
from shared.contracts.base import NodeName
from shared.contracts.commands.command import Command
from shared.contracts.commands.health import health_of

ASKS: dict[str, Sequence[Command[Any, Any]]] = {
    "jobs": JOBS,
    "scheduler": SCHEDULER,
    "executor": EXECUTOR,
    "logs": LOGS,
    "metrics": METRICS,
    "notify": NOTIFY,
    "endpoints": ENDPOINTS,
    "gateway": GATEWAY,
}
NODE_NAME: TypeAdapter[str] = TypeAdapter(NodeName)
OF_TOOLS: dict[str, Sequence[Command[Any, Any]]] = {"operator": OPERATOR}
"""Who asks and is no service: such an account may do everything, but who answers it has to be let."""
NODE = "{node}"
"""Stands for the executor's node, or for any where nodes have no users of their own."""
DECLARES = "jobs"
"""The service that makes the streams; the others wait until it has."""

STREAMS = (*NAMES, f"KV_{subjects.NODES}")
API = "$JS.API"
INTRODUCTION = """\
# Written by `make docs` from the tables of the services (docs/tools/accounts.py); do not edit. README.md explains it.
# Each password comes from the environment of nats-server, which does not start without it.
"""


@dataclass
class Account:
    """What one user may do. A denial counts more than a permission."""

    publish: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    subscribe: list[str] = field(default_factory=list)


def follows(stream: str, *heard: str) -> Account:
    """Consumers for a while, under any name; a filter of one subject is part of the request, several are not."""
    requests = [f"{API}.CONSUMER.CREATE.{stream}.*" + (f".{subject}" if subject else "") for subject in heard]
    others = [f"{API}.CONSUMER.{verb}.{stream}.*" for verb in ("INFO", "MSG.NEXT", "DELETE")]
    return Account(publish=[*requests, *others])


BESIDE: dict[str, Sequence[Account]] = {
    "scheduler": (
        Account(
            publish=[
                f"{API}.CONSUMER.CREATE.KV_{subjects.NODES}",
                f"{API}.CONSUMER.INFO.KV_{subjects.NODES}.*",
                f"{API}.CONSUMER.DELETE.KV_{subjects.NODES}.*",
                f"$JS.FC.KV_{subjects.NODES}.>",
                subjects.CLUSTER_SAMPLES,
            ]
        ),
    ),
    "executor": (Account(publish=[f"$KV.{subjects.NODES}.{NODE}", subjects.LOG_CHUNKS, subjects.SAMPLES]),),
    "logs": (
        Account(publish=[f"{API}.STREAM.MSG.GET.{subjects.LOGS}"]),
        follows(subjects.LOGS, ""),
    ),
    "metrics": (Account(publish=[f"{API}.STREAM.MSG.GET.{subjects.METRICS}"]),),
    "gateway": (
        Account(publish=[f"{API}.DIRECT.GET.{subjects.LOGS}.{subjects.LOG_CHUNKS}"], subscribe=[subjects.JOB_EVENTS]),
        follows(subjects.LOGS, subjects.LOG_CHUNKS),
        follows(subjects.EVENTS, subjects.JOB_EVENTS, ""),
    ),
}
"""The nodes' bucket, the console's lines, the last chunk or sample of a job, readers of consoles and of the feed;
replicas of the log service that divide the partitions, and readers in several virtual clusters, have filters of several
subjects.
"""


def accounts(nodes: Sequence[str] = ()) -> dict[str, Account]:
    """Every service's account, by its name; with nodes one for each executor in place of one for all of them."""
    every = {service: _account(service) for service in ASKS if service != "executor" or not nodes}
    return every | {f"executor.{node}": _account("executor", node) for node in nodes}


def subscriber(name: str) -> Account:
    """For other people's programs: the events, plainly or through the one consumer that has the account's name."""
    consumer = f"{subjects.EVENTS}.{name}"
    requests = [f"{API}.CONSUMER.{verb}.{consumer}" for verb in ("CREATE", "INFO", "MSG.NEXT", "DELETE")]
    requests += [f"{API}.CONSUMER.CREATE.{consumer}.evt.>", f"{API}.STREAM.INFO.{subjects.EVENTS}"]
    return Account(publish=[*requests, f"$JS.ACK.{consumer}.>"], subscribe=[_inbox(name), "evt.>"])


def _account(service: str, node: str | None = None) -> Account:
    """`node`: the one whose executor it is. Its inbox lies below the service's, where those who answer may publish."""
    account = Account(
        publish=[
            *_facts(service, node),
            *(_asked(command, node) for command in ASKS[service]),
            *(_inbox(asker) for asker, asks in (ASKS | OF_TOOLS).items() if any(one.owner == service for one in asks)),
            *(f"{API}.STREAM.INFO.{stream}" for stream in STREAMS),
        ],
        subscribe=[_inbox(f"{service}.{node}" if node else service), f"{health_of(service).subject} {service}"],
    )
    if service == DECLARES:
        account.publish += [f"{API}.STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE") for stream in STREAMS]
        account.publish += [f"{API}.CONSUMER.LIST.{stream}" for stream in STREAMS]
    for one in SERVICES.get(service, ()):
        _add(account, _subscription(one, node))
    for beside in BESIDE.get(service, ()):
        _add(account, beside)
    account.publish = [subject.replace(NODE, node or "*") for subject in account.publish]
    names = set(_durables()) - {one.durable for one in SERVICES.get(service, ()) if isinstance(one, Shared)}
    if any(f".{subjects.EVENTS}.*" in subject for subject in account.publish):
        account.denied += [f"{API}.CONSUMER.*.{subjects.EVENTS}.{name}" for name in sorted(names)]
        account.denied += [f"{API}.CONSUMER.*.{subjects.EVENTS}.{name}.>" for name in sorted(names)]
        account.denied += [f"{API}.CONSUMER.MSG.NEXT.{subjects.EVENTS}.{name}" for name in sorted(names)]
        account.denied += [f"$JS.ACK.{subjects.EVENTS}.{name}.>" for name in sorted(names)]
    return Account(*(list(dict.fromkeys(part)) for part in (account.publish, account.denied, account.subscribe)))


def _subscription(one: object, node: str | None) -> Account:
    if isinstance(one, Answers):
        place = f"{one.command.subject}.{node or '*'}" if place_of(one) else one.command.subject
        return Account(subscribe=[place if one.at_node else f"{place} {one.command.owner}"])
    if isinstance(one, Shared):
        name = (f"{one.durable}-{node}" if node else "*") if isinstance(one, PerNode) else one.durable
        letters = f"dead.{name}.{one.subjects[0]}" if isinstance(one, PerNode) else f"dead.{one.durable}.>"
        heard = f".{one.subjects[0]}" if len(one.subjects) == 1 else ""
        requests = [f"{API}.CONSUMER.CREATE.{one.stream}.{name}{heard}"]
        requests += [f"{API}.CONSUMER.{verb}.{one.stream}.{name}" for verb in ("INFO", "MSG.NEXT", "DELETE")]
        return Account(publish=[*requests, f"$JS.ACK.{one.stream}.{name}.>", letters])
    assert isinstance(one, Each)
    followed = follows(one.stream, one.subjects[0] if len(one.subjects) == 1 else "")
    return Account(publish=[*followed.publish, *(f"dead.followers.{subject}" for subject in one.subjects)])


def _durables() -> list[str]:
    """The consumers on EVENTS that replicas share."""
    every = (one for subscriptions in SERVICES.values() for one in subscriptions)
    return [one.durable for one in every if isinstance(one, Shared) and not isinstance(one, PerNode)]


def _facts(service: str, node: str | None) -> list[str]:
    """All facts of a noun together where one service owns them; those of nodes are about one's own."""
    found = []
    for fact in FACTS:
        alone = {other.owner for other in FACTS if other.noun == fact.noun} == {service}
        if fact.owner == service:
            about = node if node and fact.noun == "node" else ">"
            found.append(f"evt.{fact.noun}.{'*' if alone else fact.model.fact}.v1.{about}")
    return found


def _asked(command: Command[Any, Any], node: str | None) -> str:
    every = (one for subscriptions in SERVICES.values() for one in subscriptions if isinstance(one, Answers))
    answers = [one for one in every if one.command.subject == command.subject]
    own = node if node and any(one.from_node for one in answers) else "*"
    return f"{command.subject}.{own}" if any(map(place_of, answers)) else command.subject


def _inbox(user: str) -> str:
    return f"_INBOX.{user}.>"


def _add(account: Account, more: Account) -> None:
    account.publish += more.publish
    account.denied += more.denied
    account.subscribe += more.subscribe


def document(nodes: Sequence[str] = ()) -> str:
    """The file. Raises ValueError for what is no node's name, and for two whose passwords would be one variable."""
    for node in nodes:
        NODE_NAME.validate_python(node)
    if len({password_of(node) for node in nodes}) < len(nodes):
        raise ValueError(f"The passwords of two of the nodes {', '.join(nodes)} would have one name; rename a node.")
    users = [_user(name, account) for name, account in accounts(nodes).items()]
    users += [
        _user("subscriber", subscriber("subscriber")),
        "    { user: operator, password: $JOBYARD_NATS_OPERATOR_PASSWORD }\n",
    ]
    return f"{INTRODUCTION}\nauthorization {{\n  timeout: 5\n  users: [\n{''.join(users)}  ]\n}}\n"


def _user(name: str, account: Account) -> str:
    publish = f"allow: [{_listed(account.publish)}]"
    if account.denied:
        publish += f"\n        deny: [{_listed(account.denied)}]"
    return (
        f"    {{ user: {name}, password: ${password_of(name)}\n      permissions: {{\n"
        f"        publish: {{\n        {publish}\n        }}\n"
        f"        subscribe: {{ allow: [{_listed(account.subscribe)}] }}\n      }} }}\n"
    )


def password_of(user: str) -> str:
    """The variable that a user's password comes from."""
    return f"JOBYARD_NATS_{re.sub(r'[^A-Z0-9]', '_', user.upper())}_PASSWORD"


def _listed(those: Iterable[str]) -> str:
    return "".join(f'\n          "{subject}"' for subject in those) + "\n        "


if __name__ == "__main__":
    sys.stdout.write(document(sys.argv[1:]))
