"""The beginning of an endpoint, and which ones a job was submitted with."""

from collections.abc import Sequence
from datetime import datetime

from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument, Entry, endpoint_id
from shared.contracts.endpoints import EndpointKind, EndpointStatus
from shared.contracts.job import Actor, JobStatus, JobView

PORT_PREFIX = "port-"


def requested(
    job: JobView, name: str, rank: int, actor: Actor, correlation_id: str | None, now: datetime
) -> EndpointDocument:
    """The document at version 1, with EndpointRequested."""
    port = port_of(name)
    return EndpointDocument(
        id=endpoint_id(job.id, name),
        version=1,
        job_id=job.id,
        vc=job.vc,
        owner=job.owner,
        nodes=job.nodes,
        name=name,
        kind=EndpointKind.PORT if port is not None else EndpointKind(name),
        port=port,
        rank=rank,
        status=EndpointStatus.REQUESTED,
        reason=None if job.state.status is JobStatus.RUNNING else reasons.no_run(),
        requested_by=actor.name,
        requested_at=now,
        history=(Entry(version=1, fact="requested", time=now, actor=actor),),
        correlation_id=correlation_id,
    )


def port_of(name: str) -> int | None:
    """The port that the name of an interactive port names."""
    return int(name.removeprefix(PORT_PREFIX)) if name.startswith(PORT_PREFIX) else None


def submitted_with(job: JobView) -> Sequence[str]:
    """The names of the endpoints that the job's submission asked for."""
    return (*job.endpoints, *(f"{PORT_PREFIX}{port}" for port in job.interactive_ports))
