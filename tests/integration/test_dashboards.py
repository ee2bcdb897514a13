"""Every panel of every dashboard shows something, asked through the gateway of a real Prometheus."""

from collections.abc import AsyncGenerator, Iterator

import httpx
import pytest
import pytest_asyncio

from docs.tools.grafana.cluster import OF_ADMINISTRATORS
from services.gateway.audited import BY_ITSELF
from services.gateway.domain.access import Role
from tests.support.dashboards import NAMES, Panel, choices, panels
from tests.support.exposition import ExposedJob, exposed
from tests.support.gateway import Gateway, gateway
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer

needs("prometheus")
pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/prometheus/api/v1"
ALICE = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0A", "alice", "lab", 0.5)
BOB = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0D", "bob", "lab", 0.25)


@pytest.fixture(scope="module")
def prometheus() -> Iterator[PrometheusServer]:
    with exposed((ALICE, BOB)) as target, PrometheusServer([target]) as running:
        running.wait_for("rate(jobyard_job_cpu_seconds_total[1m]) > 0")
        running.wait_for("rate(jobyard_submit_to_start_seconds_bucket[1m]) > 0")
        running.wait_for("rate(process_cpu_seconds_total[1m]) > 0")
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(tmp_path_factory: pytest.TempPathFactory, prometheus: PrometheusServer) -> AsyncGenerator[Gateway, None]:
    async with gateway(tmp_path_factory.mktemp("gateway"), prometheus_url=prometheus.url) as running:
        await running.people.vcs.create("lab", {"open": False}, BY_ITSELF)
        await running.add_account("alice", {"lab": Role.MEMBER})
        yield running


async def ask(yard: Gateway, name: str, query: str) -> httpx.Response:
    return await yard.call("POST", f"{PATH}/query", name, data={"query": query})


async def check_shown(yard: Gateway, name: str, panel: Panel, job_id: str = "") -> None:
    for query in panel.asked(job_id):
        answer = await ask(yard, name, query)
        assert answer.status_code == 200, (panel.title, query, answer.text)
        assert answer.json()["data"]["result"], (panel.title, query)


@pytest.mark.parametrize("dashboard", NAMES)
async def test_every_panel_shows_something_to_an_administrator(yard: Gateway, dashboard: str) -> None:
    assert panels(dashboard)
    for panel in panels(dashboard):
        await check_shown(yard, "admin", panel, BOB.id)


async def test_somebody_sees_the_whole_dashboard_of_an_own_job_and_nothing_of_anothers(yard: Gateway) -> None:
    for panel in panels("jobyard-job"):
        await check_shown(yard, "alice", panel, ALICE.id)
        for query in panel.asked(BOB.id):
            assert (await ask(yard, "alice", query)).json()["data"]["result"] == [], (panel.title, query)


async def test_a_member_sees_the_cluster_but_for_what_is_marked_as_administrators(yard: Gateway) -> None:
    for panel in panels("jobyard-cluster"):
        if OF_ADMINISTRATORS in panel.description:
            answers = [await ask(yard, "alice", query) for query in panel.asked()]
            assert {answer.status_code for answer in answers} == {403}, panel.title
        else:
            await check_shown(yard, "alice", panel)


@pytest.mark.parametrize("dashboard", ["jobyard-job", "jobyard-cluster"])
async def test_there_is_something_to_choose(yard: Gateway, dashboard: str) -> None:
    assert choices(dashboard)
    for metric, label in choices(dashboard):
        answer = await yard.call("GET", f"{PATH}/label/{label}/values", "alice", params={"match[]": metric})
        assert answer.json()["data"] in (["lab"], [ALICE.id])
