"""The beginning of an endpoint, and which ones a job was submitted with."""

from collections.abc import Collection, Sequence
from datetime import datetime

from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument, Entry, endpoint_id
from shared.contracts.endpoints import ENDPOINTS, EndpointKind, EndpointStatus
from shared.contracts.job import Actor, JobStatus, JobView

PORT_PREFIX = "port-"


def requested(
    job: JobView, name: str, rank: int, actor: Actor, correlation_id: str | None, now: datetime, version: int = 1
) -> EndpointDocument:
    """The document at its first version, with EndpointRequested."""
    port = port_of(name)
    return EndpointDocument(
        id=endpoint_id(job.id, name),
        version=version,
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
        history=(Entry(version=version, fact="requested", time=now, actor=actor),),
        correlation_id=correlation_id,
    )


def is_wanted(endpoint: EndpointDocument) -> bool:
    """Whether it counts among those that a job has."""
    return endpoint.status is not EndpointStatus.CLOSED


def room_for_another(job: JobView, known: Collection[EndpointDocument]) -> tuple[EndpointDocument | None, int]:
    """Whose document a new one replaces once there are many, and the version that the new one begins with.

    Those of the submission stay: they would begin anew by themselves. Versions go on over all of the job's documents
    then, so that an event of a name that comes back never bears the id of one that was told before.
    """
    if len(known) < ENDPOINTS:
        return None, 1
    closed = [endpoint for endpoint in known if endpoint.over and endpoint.name not in submitted_with(job)]
    return min(closed, key=_changed_at, default=None), 1 + max(endpoint.version for endpoint in known)


def _changed_at(endpoint: EndpointDocument) -> datetime:
    return endpoint.history[-1].time if endpoint.history else endpoint.requested_at


def port_of(name: str) -> int | None:
    """The port that the name of an interactive port names."""
    return int(name.removeprefix(PORT_PREFIX)) if name.startswith(PORT_PREFIX) else None


def submitted_with(job: JobView) -> Sequence[str]:
    """The names of the endpoints that the job's submission asked for."""
    return (*job.endpoints, *(f"{PORT_PREFIX}{port}" for port in job.interactive_ports))
