"""What only the executor of a cluster says of its nodes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.contracts import subjects
from shared.contracts.events import NodeReported
from tests.support.executor import NODE
from tests.support.executor_service import ExecutorService, Yard
from tests.support.executors import running
from tests.support.nats import NatsServer
from tests.support.waiting import until


@pytest.fixture
async def executor(nats: NatsServer, tmp_path: Path) -> AsyncIterator[ExecutorService]:
    async with running("kubernetes", nats.url, tmp_path / "data") as executor:
        yield executor


async def test_each_node_of_the_cluster_is_reported_with_who_answers_for_it(
    executor: ExecutorService, yard: Yard
) -> None:
    await executor.ready()
    bucket = await yard.bus.js.key_value(subjects.NODES)

    async def reported() -> bool:
        return NODE in await bucket.keys()

    await until(reported, "the node is reported")
    entry = await bucket.get(NODE)
    assert entry.value is not None
    report = NodeReported.model_validate_json(entry.value)
    assert (report.executor, report.uses_images) == (NODE, True)
    assert report.cpus > 0 and report.memory_mib > 0 and report.boot_id
