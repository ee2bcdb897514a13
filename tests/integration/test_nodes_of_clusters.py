"""One node of a cluster never returns: its executor says so while there is one, and an operator when there is none."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from services.admin.nodes import forget
from services.admin.refused import Refused
from shared.contracts import subjects
from shared.contracts.commands.checkpoints import CHECKPOINTS, Checkpoints
from shared.contracts.events import NodeReported
from shared.contracts.job import Allocation, JobStatus, JobView, Share
from shared.settings import PlatformSettings
from tests.support.executor_service import Yard, yard_at
from tests.support.nats import NatsServer

CLUSTER, GONE, OTHER = "cluster", "gpu-7_lab", "gpu-8_lab"


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[PlatformSettings]:
    async with NatsServer() as nats:
        yield PlatformSettings(data=tmp_path, nats_url=nats.url)


@pytest.fixture
async def yard(settings: PlatformSettings, tmp_path: Path) -> AsyncIterator[Yard]:
    async with yard_at(settings, tmp_path) as yard:
        yield yard


def placed(yard: Yard, *nodes: str) -> JobView:
    """A job that runs, with a rank on each of these nodes of the cluster."""
    job = yard.job(ranks=len(nodes), status=JobStatus.RUNNING)
    shares = tuple(Share(node=node, rank=rank, executor=CLUSTER) for rank, node in enumerate(nodes))
    state = job.view.state.model_copy(update={"allocation": Allocation(shares=shares)})
    view = job.view.model_copy(update={"state": state})
    yard.active[view.id] = job.model_copy(update={"view": view})
    return view


async def test_only_what_the_node_held_is_told_lost(yard: Yard, settings: PlatformSettings) -> None:
    alone, gang, elsewhere = placed(yard, GONE), placed(yard, OTHER, GONE), placed(yard, OTHER)
    await yard.bus.js.add_consumer(subjects.EVENTS, durable_name=f"{subjects.EXECUTORS}-{CLUSTER}")

    async def apply() -> None:
        for view in (alone, gang):
            await yard.said(view, "lost")
            await yard.over(view)

    applying = asyncio.create_task(apply())
    told = await forget(settings, GONE, lambda jobs: True)
    await applying
    assert {job.id for job in told} == {alone.id, gang.id}
    assert await yard.facts(elsewhere) == []
    consumers = await yard.bus.js.consumers_info(subjects.EVENTS)
    assert f"{subjects.EXECUTORS}-{CLUSTER}" in {one.name for one in consumers}


async def test_an_executor_that_answers_for_the_node_is_left_to_say_it(yard: Yard, settings: PlatformSettings) -> None:
    held = placed(yard, GONE)

    async def answer(message: Msg) -> None:
        await message.respond(Checkpoints(items=()).model_dump_json().encode())

    await yard.bus.nats.subscribe(CHECKPOINTS.at(CLUSTER).subject, cb=answer)
    with pytest.raises(Refused, match=r"executor cluster answers for it.*delete the node from its cluster"):
        await forget(settings, GONE, lambda jobs: True)
    assert await yard.facts(held) == []


async def test_a_node_that_is_still_reported_is_to_be_deleted_from_its_cluster(
    yard: Yard, settings: PlatformSettings
) -> None:
    held = placed(yard, GONE)
    bucket = await yard.bus.js.key_value(subjects.NODES)
    now = datetime.now(UTC)
    report = NodeReported(
        node=GONE, boot_id="b", cpus=0, memory_mib=0, devices={}, reported_at=now, since=now, executor=CLUSTER
    )
    await bucket.put(GONE, report.model_dump_json().encode())
    with pytest.raises(Refused, match=r"gpu-7_lab reports.*delete the node from its cluster"):
        await forget(settings, GONE, lambda jobs: True)
    assert await yard.facts(held) == []
