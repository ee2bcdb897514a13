"""What a run's file says of its use: where the machine's network stood at the start, and the totals at the end.

The end's stand in the run's conclusion, so that they are there for an executor that was away. Every descendant has
been waited for by then, which makes the supervisor's own figures those of the whole run, but for children of a parent
that ignores SIGCHLD; the group's miss who has left it. So the larger one is taken. Standard library only.
"""

import resource

from services.executor.backends.process.marks import Facts
from services.executor.backends.process.usage.group import Group
from services.executor.backends.process.usage.network import Traffic, carried
from services.executor.backends.process.usage.processes import transfers_of

CPU = "cpu_ns"
READ = "read_bytes"
WRITTEN = "write_bytes"
RECEIVED = "receive_bytes"
SENT = "transmit_bytes"
SCOPE = "network_scope"
HOST_RECEIVED = "host_received"
HOST_SENT = "host_sent"


def at_start(loopback: bool = True) -> Facts:
    """For the claim: what the machine's interfaces had carried by then. Read before the launch, for many at once.

    `loopback`: whether that counts, which is the machine's own but nobody's network.
    """
    host = carried(loopback=loopback)
    return {} if host is None else {HOST_RECEIVED: str(host.received), HOST_SENT: str(host.sent)}


def at_end(start: Facts, group: Group, loopback: bool = True) -> Facts:
    """For the conclusion; what is not known is left out."""
    facts = {CPU: str(max(_reaped_ns(), group.cpu_ns() or 0))}
    transfers = transfers_of("self")
    if transfers is not None:
        facts |= {READ: str(transfers.read), WRITTEN: str(transfers.written)}
    traffic = group.traffic()
    if traffic is not None:
        return facts | {RECEIVED: str(traffic.received), SENT: str(traffic.sent), SCOPE: "run"}
    traffic = since(start, carried(loopback=loopback))
    if traffic is not None:
        return facts | {RECEIVED: str(traffic.received), SENT: str(traffic.sent), SCOPE: "host"}
    return facts


def since(start: Facts, host: Traffic | None) -> Traffic | None:
    """Of what the machine's interfaces have carried so far, the part since the run was claimed."""
    if host is None or HOST_RECEIVED not in start:
        return None
    return Traffic(max(0, host.received - int(start[HOST_RECEIVED])), max(0, host.sent - int(start[HOST_SENT])))


def _reaped_ns() -> int:
    own, reaped = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((own.ru_utime + own.ru_stime + reaped.ru_utime + reaped.ru_stime) * 1e9)
