"""What only an executor of containers says of its runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.contracts.events import RunExited, RunRefused
from tests.support.docker import docker
from tests.support.executor import launch_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.executors import running
from tests.support.nats import NatsServer


@pytest.fixture
async def executor(nats: NatsServer, tmp_path: Path) -> AsyncIterator[ExecutorService]:
    roots = {"JOBYARD_PATH_ROOTS": str(tmp_path)}
    async with running("docker", nats.url, tmp_path / "data", roots) as executor:
        yield executor


@pytest.mark.usefixtures("executor")
async def test_a_rank_is_a_container_and_its_network_is_its_own(yard: Yard) -> None:
    view = await yard.place(launch=launch_of("hostname"), ranks=2, cpus=0.25)
    exited = await yard.said(view, "exited")
    assert isinstance(exited, RunExited)
    assert exited.usage is not None and exited.usage.network is not None and exited.usage.network.scope == "run"
    assert (await yard.console(view), await yard.console(view, rank=1)) == (["rank-0"], ["rank-1"])
    made = docker("ps", "--all", "--format", "{{.Names}}", "--filter", f"label=jobyard.job={view.id}").split()
    assert len(made) == 2


@pytest.mark.usefixtures("executor")
async def test_what_the_engine_will_not_start_is_refused_in_its_words(yard: Yard) -> None:
    view = await yard.place(launch=launch_of("true", image="127.0.0.1:9/no/such:1"))
    refused = await yard.said(view, "refused")
    assert isinstance(refused, RunRefused)
    assert refused.busy and "127.0.0.1:9/no/such:1" in refused.reason.message


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("path", ["", "data", "data/executor"])
async def test_no_container_gets_the_platforms_files_though_they_lie_where_jobs_may_be(
    yard: Yard, tmp_path: Path, path: str
) -> None:
    view = await yard.place(launch=launch_of("ls", work_path=str(tmp_path / path)))
    refused = await yard.said(view, "refused")
    assert isinstance(refused, RunRefused)
    assert (refused.reason.code, refused.busy) == ("path_outside", False)
    assert "platform's own files" in refused.reason.message
