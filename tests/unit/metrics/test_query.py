"""Whose word an answer is, and what may be asked at all."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.metrics.domain.ring import Ring
from services.metrics.latest import Latest
from services.metrics.prometheus import Prometheus, PrometheusAway
from services.metrics.query import Queries
from services.metrics.rings import Rings
from shared.bus.lookup import StreamAway
from shared.contracts.errors import Invalid
from shared.contracts.metrics import MAX_POINTS, MetricsPage, QueryMetrics
from tests.support.clock import ManualClock
from tests.support.metrics_service import JOB, START, asked, sample_at
from tests.support.scripted_server import Answer, ScriptedServer, scripted_server

ASK = "GET", "/api/v1/query_range"
MEMORY = "jobyard_job_memory_working_set_bytes"
QUIET = "01JD0000000000000000000009"
YOUNG = "01JD000000000000000000000Y"
LOST = "01JD000000000000000000000X"


async def past(job_id: str) -> Ring:
    """The stream has two samples of JOB, the first moment and the next of YOUNG, none of QUIET, and fails for LOST."""
    ring = Ring()
    if job_id == LOST:
        raise StreamAway("It does not answer.")
    if job_id == YOUNG:
        ring.add(1, sample_at(0, YOUNG, cpu_seconds=0.0))
        ring.add(2, sample_at(5, YOUNG, cpu_seconds=4.0))
    if job_id == JOB:
        ring.add(1, sample_at(5, memory_bytes=1))
        ring.add(2, sample_at(10, memory_bytes=2))
    return ring


def matrix(*values: tuple[float, float]) -> Answer:
    rows = [{"metric": {"metric": MEMORY, "rank": "0"}, "values": [[time, str(value)] for time, value in values]}]
    return Answer(body={"status": "success", "data": {"resultType": "matrix", "result": rows if values else []}})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rings(clock: ManualClock) -> Rings:
    return Rings(past, Latest(clock), 1 << 20)


@pytest.fixture
async def queries(rings: Rings, server: ScriptedServer, clock: ManualClock) -> AsyncIterator[Queries]:
    prometheus = Prometheus(server.url, clock)
    yield Queries(rings, prometheus)
    await prometheus.close()


def told(page: MetricsPage) -> tuple[str, list[float]]:
    return page.source, [value for series in page.series for value in series.values]


async def test_without_prometheus_the_ring_answers(rings: Rings) -> None:
    assert told(await Queries(rings, None).page(asked())) == ("ring", [1.0, 2.0])


async def test_prometheus_answers_for_what_is_older_than_the_ring(queries: Queries, server: ScriptedServer) -> None:
    server.on(*ASK, matrix((START.timestamp(), 7.0)))
    for job_id in (JOB, QUIET, LOST):
        assert told(await queries.page(asked(job_id=job_id))) == ("prometheus", [7.0])


async def test_the_ring_answers_for_all_of_the_time_that_it_has_though_there_is_a_prometheus(
    queries: Queries, server: ScriptedServer
) -> None:
    server.on(*ASK, matrix((START.timestamp(), 7.0)))
    assert told(await queries.page(asked(START + timedelta(seconds=5)))) == ("ring", [1.0, 2.0])
    assert told(await queries.page(asked(START - timedelta(seconds=3000), job_id=YOUNG))) == ("ring", [0.8])
    assert server.asked == []


async def test_where_the_ring_has_nothing_of_the_time_prometheus_is_asked(
    queries: Queries, server: ScriptedServer
) -> None:
    server.on(*ASK, matrix((START.timestamp(), 7.0)))
    assert told(await queries.page(asked(START + timedelta(seconds=60)))) == ("prometheus", [7.0])


async def test_a_ring_that_cannot_be_read_is_said_where_prometheus_has_nothing(
    queries: Queries, server: ScriptedServer
) -> None:
    server.on(*ASK, matrix())
    with pytest.raises(StreamAway):
        await queries.page(asked(job_id=LOST))


async def test_a_job_that_prometheus_never_heard_of_is_answered_from_the_ring(
    queries: Queries, server: ScriptedServer
) -> None:
    server.on(*ASK, matrix())
    assert told(await queries.page(asked())) == ("ring", [1.0, 2.0])
    assert told(await queries.page(asked(job_id=QUIET))) == ("ring", [])


async def test_while_prometheus_is_away_the_ring_answers_for_as_long_as_it_reaches(
    queries: Queries, server: ScriptedServer
) -> None:
    server.on(*ASK, Answer(status=503, body=""))
    assert told(await queries.page(asked())) == ("ring", [1.0, 2.0])
    for beyond in (asked(job_id=QUIET), asked(start=START - timedelta(days=1))):
        with pytest.raises(PrometheusAway, match="keeps no samples of this time"):
            await queries.page(beyond)


async def test_further_pages_come_from_where_the_first_came_from(queries: Queries, server: ScriptedServer) -> None:
    server.on(*ASK, matrix((START.timestamp(), 7.0)))
    assert told(await queries.page(asked(source="ring"))) == ("ring", [1.0, 2.0])
    assert server.asked == []
    server.on(*ASK, matrix())
    assert told(await queries.page(asked(source="prometheus", skip=3))) == ("prometheus", [])
    server.on(*ASK, Answer(status=503, body=""))
    with pytest.raises(PrometheusAway):
        await queries.page(asked(source="prometheus", skip=3))


async def test_pages_follow_one_another(rings: Rings) -> None:
    names = {f"name{number:02d}": 1.0 for number in range(100)}
    await rings.find(JOB)
    for number in range(3, 700):
        rings.add(number, sample_at(number * 5, reported=names))
    queries, more = Queries(rings, None), True
    found: list[str] = []
    pages = 0
    while more:
        page = await queries.page(asked(seconds=10_000, skip=len(found)))
        found += [series.name for series in page.series]
        more, pages = page.more, pages + 1
    assert found == ["memory", *sorted(names)]
    assert pages > 1


@pytest.mark.parametrize(
    "question",
    [
        asked(seconds=-1),
        asked(seconds=3600, step_s=1e-300),
        asked(seconds=3600, step_s=0.0005),
        asked(seconds=MAX_POINTS, step_s=1),
        asked(seconds=10**9, step_s=5),
    ],
    ids=["end before start", "no step", "below a millisecond", "one point too many", "30 years"],
)
async def test_what_makes_no_graph_is_refused(queries: Queries, server: ScriptedServer, question: QueryMetrics) -> None:
    with pytest.raises(Invalid):
        await queries.page(question)
    assert server.asked == []


async def test_the_most_points_and_a_single_moment_are_answered(rings: Rings) -> None:
    queries = Queries(rings, None)
    assert told(await queries.page(asked(seconds=MAX_POINTS - 1, step_s=1))) == ("ring", [1.0, 2.0])
    assert told(await queries.page(asked(start=START + timedelta(seconds=10), seconds=0))) == ("ring", [2.0])


@pytest.mark.parametrize(
    "fields",
    [
        {"step_s": 0},
        {"step_s": -1},
        {"step_s": "5"},
        {"step_s": float("nan")},
        {"step_s": float("inf")},
        {"skip": -1},
        {"skip": 0.5},
        {"job_id": "*"},
        {"job_id": 'x"} or up{job_id="'},
        {"job_id": {"$ne": None}},
        {"source": "disk"},
        {"start": "yesterday"},
        {"start": "2026-11-23T12:00:00"},
    ],
    ids=str,
)
def test_a_question_that_is_none_is_refused_by_its_contract(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        QueryMetrics.model_validate({**asked().model_dump(), **fields})
