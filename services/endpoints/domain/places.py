"""Where people find an endpoint: its address for a browser and its line for a terminal; and how it is shown."""

from dataclasses import dataclass

from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.place import Addresses
from shared.contracts.endpoints import Endpoint, EndpointKind


@dataclass(frozen=True)
class Places:
    """The doors as people reach them. `addresses`: of the HTTP door, if there is one; `ssh_port` 0: no SSH is shown."""

    addresses: Addresses | None
    ssh_host: str
    ssh_port: int

    def url(self, endpoint: EndpointDocument) -> str | None:
        """Where a browser finds it; None for `ssh`, and without a door."""
        if self.addresses is None or endpoint.kind is EndpointKind.SSH:
            return None
        return self.addresses.url_of(endpoint.job_id, endpoint.name)

    def command(self, endpoint: EndpointDocument) -> str:
        """A line for a terminal that leads in."""
        job = endpoint.job_id
        if endpoint.kind is EndpointKind.SSH:
            if not self.ssh_port:
                return f"jobyard ssh {job}{_option(endpoint.rank)}"
            rank = f".{endpoint.rank}" if endpoint.rank else ""
            port = f"-p {self.ssh_port} " if self.ssh_port != SSH_PORT else ""
            return f"ssh {port}{job}{rank}@{self.ssh_host}"
        if endpoint.kind is EndpointKind.PORT:
            return f"jobyard port-forward {job} {endpoint.port}{_option(endpoint.rank)}"
        return f"jobyard endpoint open {job} {endpoint.name}"

    def shown(self, endpoint: EndpointDocument) -> Endpoint:
        """The endpoint as people see it: without the program's token."""
        return Endpoint(
            job_id=endpoint.job_id,
            name=endpoint.name,
            kind=endpoint.kind,
            port=endpoint.port,
            rank=endpoint.rank,
            status=endpoint.status,
            url=self.url(endpoint),
            command=self.command(endpoint),
            reason=endpoint.reason,
            requested_by=endpoint.requested_by,
            requested_at=endpoint.requested_at,
            last_used_at=endpoint.last_used_at,
            last_used_by=endpoint.last_used_by,
            version=endpoint.version,
        )


def _option(rank: int) -> str:
    return f" --rank {rank}" if rank else ""


SSH_PORT = 22
"""Where SSH clients look without being told."""
