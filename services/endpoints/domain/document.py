"""The endpoint document: what was asked for, where it is in its life, and its events, stored with the change itself."""

from typing import Literal

from shared.contracts.base import Attempt, Contract, JobId, NodeName, Timestamp, UserName, VcName, Version
from shared.contracts.endpoints import EndpointKind, EndpointName, EndpointStatus, Port, Rank
from shared.contracts.job import Actor, Reason

Fact = Literal["requested", "ready", "failed", "closing", "closed", "entered", "ticket_issued"]


class RunPlace(Contract):
    """The run that an endpoint leads into: an attempt of the job, and the executor that answers for it."""

    attempt: Attempt
    executor: NodeName


AFTERWARDS = RunPlace(attempt=0, executor="platform")
"""No run: the platform itself shows what a job that is over has left."""


class Entry(Contract):
    """One fact of an endpoint, published as an event; `version` is the document's when it happened."""

    version: Version
    fact: Fact
    time: Timestamp
    actor: Actor
    reason: Reason | None = None
    attempt: Attempt | None = None
    cause: str | None = None
    """The request that led to it."""
    key: str | None = None
    """The name of the SSH key that somebody came in with."""


class EndpointDocument(Contract):
    """Everything about one endpoint. `id` is `<job_id>.<name>`; not every version is an event."""

    id: str
    version: Version
    job_id: JobId
    vc: VcName
    owner: UserName
    nodes: int = 1
    """Of the job: its ranks are below."""
    name: EndpointName
    kind: EndpointKind
    port: Port | None = None
    rank: Rank = 0
    status: EndpointStatus
    reason: Reason | None = None
    requested_by: UserName
    requested_at: Timestamp
    run: RunPlace | None = None
    """Set while the job runs."""
    target: Port | None = None
    """The port of the run that the door connects to while it is ready; none for `ssh`."""
    secret: str | None = None
    """The token of the program behind the door, which the door fills in; a page of the program may show it."""
    last_used_at: Timestamp | None = None
    last_used_by: UserName | None = None
    job_version: Version = 0
    """Of the newest state of the job that was applied: an older one changes nothing."""
    history: tuple[Entry, ...] = ()
    correlation_id: str | None = None

    @property
    def over(self) -> bool:
        """Closed, and nothing of it is left in the run."""
        return self.status is EndpointStatus.CLOSED and self.run is None


def endpoint_id(job_id: str, name: str) -> str:
    """The document's id."""
    return f"{job_id}.{name}"
