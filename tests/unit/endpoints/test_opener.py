"""What cannot be opened now is attended to again."""

import asyncio
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.endpoints.apply import Applier
from services.endpoints.domain.document import EndpointDocument, RunPlace
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.contracts.endpoints import EndpointKind, EndpointStatus
from shared.contracts.errors import Conflict, InternalError, Invalid, Refusal, TooMany, Unavailable
from shared.store.sqlite import SqliteStore
from tests.support.clock import ManualClock
from tests.support.endpoints import JOB, endpoint
from tests.support.waiting import until


class Nowhere(Bus):
    """Takes events."""

    def __init__(self) -> None:
        """Nothing is connected."""

    async def publish(self, subject: str, event: Any) -> int:
        return 1


class Refusing(Programs):
    """Refuses the first time."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal: Refusal | None = refusal

    async def open(self, endpoint: EndpointDocument) -> int:
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        return 8888


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EndpointStore]:
    documents = SqliteStore(tmp_path / "endpoints.sqlite")
    store = EndpointStore(documents)
    await documents.open()
    yield store
    await documents.close()


@pytest.mark.parametrize(
    "refusal", [TooMany("Later."), InternalError("A fault."), Invalid("No."), Conflict("No."), Unavailable("Away.")]
)
async def test_whatever_refuses_is_asked_again_and_leaves_no_lost_failure(
    store: EndpointStore, refusal: Refusal
) -> None:
    lost: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
    run = RunPlace(attempt=1, executor="local")
    one = endpoint(
        id=f"{JOB}.jupyter",
        name="jupyter",
        kind=EndpointKind.JUPYTER,
        status=EndpointStatus.STARTING,
        run=run,
        secret="a-secret",
    )
    await store.endpoints.insert(one)
    programs = Refusing(refusal)
    applier = Applier(store, Nowhere(), ManualClock())
    opener = Opener(applier, programs)

    async def opened() -> bool:
        opener.attend(one)
        found = await store.get(JOB, "jupyter")
        return found is not None and found.status is EndpointStatus.READY

    await until(opened, "it is open")
    await opener.drain()
    await applier.outbox.drain()
    gc.collect()
    assert lost == []
