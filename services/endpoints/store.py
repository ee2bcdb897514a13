"""The endpoints service's documents."""

from collections.abc import Sequence

from services.endpoints.domain.document import EndpointDocument, endpoint_id
from shared.contracts.endpoints import ENDPOINTS
from shared.store.port import Eq, Index, Schema, Store

ENDPOINTS_OF_JOBS: Schema[EndpointDocument] = Schema(
    name="endpoints",
    dump=lambda document: document.model_dump_json().encode(),
    load=EndpointDocument.model_validate_json,
    indexes=(Index("job", ("job_id", "name")),),
)


class EndpointStore:
    """Endpoint documents by their job and name."""

    def __init__(self, store: Store) -> None:
        self.endpoints = store.collection(ENDPOINTS_OF_JOBS)

    async def get(self, job_id: str, name: str) -> EndpointDocument | None:
        return await self.endpoints.get(endpoint_id(job_id, name))

    async def of_job(self, job_id: str) -> Sequence[EndpointDocument]:
        """In the order of their names."""
        return (await self.endpoints.find((Eq("job_id", job_id),), ("name",), limit=ENDPOINTS)).items
