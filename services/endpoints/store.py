"""The endpoints service's documents."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from services.endpoints.domain.document import EndpointDocument, endpoint_id
from shared.contracts.endpoints import ENDPOINTS
from shared.store.port import Eq, Index, Schema, Store

PAGE = 200
KEPT = 2 * ENDPOINTS
"""Documents of one job at most, closed ones included."""


def _dump(document: EndpointDocument) -> bytes:
    """The document, and whether it is over, by which the loops find what they have to look after."""
    return json.dumps(document.model_dump(mode="json") | {"over": document.over}, ensure_ascii=False).encode()


ENDPOINTS_OF_JOBS: Schema[EndpointDocument] = Schema(
    name="endpoints",
    dump=_dump,
    load=EndpointDocument.model_validate_json,
    indexes=(Index("job", ("job_id", "name")), Index("open", ("over",))),
)


class EndpointStore:
    """Endpoint documents by their job and name."""

    def __init__(self, store: Store) -> None:
        self.endpoints = store.collection(ENDPOINTS_OF_JOBS)

    async def get(self, job_id: str, name: str) -> EndpointDocument | None:
        return await self.endpoints.get(endpoint_id(job_id, name))

    async def of_job(self, job_id: str) -> Sequence[EndpointDocument]:
        """In the order of their names."""
        return (await self.endpoints.find((Eq("job_id", job_id),), ("name",), limit=KEPT)).items

    async def open(self) -> AsyncIterator[EndpointDocument]:
        """Those that are not over, by id."""
        after: tuple[Any, ...] | None = None
        while True:
            page = await self.endpoints.find((Eq("over", False),), ("over",), after, PAGE)
            for document in page.items:
                yield document
            after = page.after
            if after is None:
                return
