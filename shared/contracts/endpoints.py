"""Ways into a running job: its endpoints, the commands of the endpoints service, and who is let in through them."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from shared.contracts.base import Contract, JobId, Timestamp, UserName, VcName, Version
from shared.contracts.job import Actor, Reason

ENDPOINTS = 64
"""The most that one job may have at one time; closed ones do not count."""

PORTS = (1024, 65535)
"""The lowest and the highest interactive port."""


NAME = r"^(ssh|jupyter|tensorboard|port-[1-9][0-9]{3,4})$"
ASKED_NAME = r"^(ssh|jupyter|tensorboard|port|port-[1-9][0-9]{3,4})$"
"""`port` stands with the number beside it."""
NAMES = f"'ssh', 'jupyter', 'tensorboard' or 'port-<{PORTS[0]}…{PORTS[1]}>'"
"""The same in words."""


class EndpointKind(StrEnum):
    """What is behind the door."""

    SSH = "ssh"
    JUPYTER = "jupyter"
    TENSORBOARD = "tensorboard"
    PORT = "port"


class EndpointStatus(StrEnum):
    """Where an endpoint is in its life; the transitions stand in `services/endpoints/domain/machine.py`."""

    REQUESTED = "requested"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    CLOSED = "closed"


EndpointName = Annotated[
    str,
    Field(
        pattern=NAME,
        description="`ssh`, `jupyter`, `tensorboard`, or `port-<n>`.",
    ),
]
Port = Annotated[int, Field(ge=PORTS[0], le=PORTS[1])]
Rank = Annotated[int, Field(ge=0, le=1023)]
"""The bound is of the first versions, and never less in a schema: a job's ranks are fewer, see `job.RANKS`."""


def missing_rank(nodes: int) -> str:
    """For a rank that a job of so many nodes does not have."""
    if nodes == 1:
        return "The job has 1 node; its only rank is 0."
    return f"The job has {nodes} nodes; its ranks are 0 to {nodes - 1}."


class Endpoint(Contract):
    """A way into a job, as people see it."""

    job_id: JobId
    name: EndpointName
    kind: EndpointKind
    port: Annotated[Port | None, Field(description="Of an interactive port: where the job's program listens.")] = None
    rank: Rank = 0
    status: EndpointStatus
    url: Annotated[str | None, Field(description="Where a browser finds it; none for `ssh`.")] = None
    command: Annotated[str | None, Field(description="A line for a terminal that leads in.")] = None
    reason: Annotated[Reason | None, Field(description="Why it is where it is.")] = None
    requested_by: UserName
    requested_at: Timestamp
    last_used_at: Timestamp | None = None
    last_used_by: UserName | None = None
    version: Version


class Endpoints(Contract):
    """Of one job, in the order of their names."""

    items: tuple[Endpoint, ...]


class ListEndpoints(Contract):
    job_id: JobId


class AddEndpoint(Contract):
    """Ask for one; what is there already is answered as it is, and one that is closed or failed begins anew."""

    job_id: JobId
    name: EndpointName
    port: Port | None = None
    rank: Rank = 0
    requested_by: UserName
    actor: Annotated[Actor | None, Field(description="The same person, with what the audit wants to know.")] = None
    correlation_id: str | None = None


class RemoveEndpoint(Contract):
    """Close it, and cut who is connected. NotFound for one that was never asked for."""

    job_id: JobId
    name: EndpointName
    requested_by: UserName
    actor: Annotated[Actor | None, Field(description="The same person, with what the audit wants to know.")] = None
    correlation_id: str | None = None


class GetIdleLimits(Contract):
    """How long endpoints in these virtual clusters may be without use."""

    vcs: Annotated[tuple[VcName, ...], Field(max_length=200)]


class IdleLimits(Contract):
    seconds: Annotated[dict[VcName, int], Field(description="Only those that have a limit.")]


class IssueTicket(Contract):
    """A way into one endpoint for a browser that has no token: one use, within a minute."""

    model_config = ConfigDict(hide_input_in_errors=True)

    job_id: JobId
    name: EndpointName
    credential: Annotated[str, Field(repr=False, description="Of whoever asks, from an `Admitted`.")]
    actor: Annotated[Actor | None, Field(description="Whoever asks, with what the audit wants to know.")] = None
    correlation_id: str | None = None


class Ticket(Contract):
    url: Annotated[str, Field(repr=False, description="Opens the endpoint once; the ticket stands in it.")]
    expires_at: Timestamp


# --- who may come in


class Admit(Contract):
    """Whether somebody may use the endpoints of a job: by a token, a public key, or what an earlier answer named."""

    model_config = ConfigDict(hide_input_in_errors=True)

    job_id: JobId
    token: Annotated[str | None, Field(max_length=16_384, repr=False, description="A bearer token.")] = None
    public_key: Annotated[
        str | None, Field(max_length=16_384, description="`ssh-ed25519 AAAA...`, without a comment; already proven.")
    ] = None
    credential: Annotated[str | None, Field(max_length=512, description="Of an earlier `Admitted`.")] = None

    @model_validator(mode="after")
    def _by_one(self) -> Self:
        if sum(way is not None for way in (self.token, self.public_key, self.credential)) != 1:
            raise ValueError("name one of token, public_key and credential")
        return self


class Admitted(Contract):
    """They may. Unauthorized, NotFound and Forbidden say why somebody may not.

    `credential` names the sign-in, API token or key that let them in, so that a revocation is noticed by asking again.
    """

    user: UserName
    credential: Annotated[str, Field(max_length=512)]
    token: Annotated[str | None, Field(description="The name of the API token that let them in.")] = None
    key: Annotated[str | None, Field(description="The name of the SSH key that let them in.")] = None
