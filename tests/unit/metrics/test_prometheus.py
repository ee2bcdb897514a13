"""What Prometheus may answer, and what becomes of it; tests/integration/test_metrics_prometheus.py asks a real one."""

import gzip
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from services.metrics.domain.grid import Grid
from services.metrics.domain.line import Line
from services.metrics.prometheus import MOST_BYTES, REST_S, Prometheus, PrometheusAway
from shared.contracts.errors import Invalid
from shared.contracts.families import REPORTED
from tests.support.clock import ManualClock
from tests.support.metrics_service import JOB
from tests.support.prometheus_double import prometheus_double
from tests.support.scripted_server import BREAK, Answer, Pieces, ScriptedServer, scripted_server

ASK = "GET", "/api/v1/query_range"
CPU = "jobyard_job_cpu_seconds_total"
GPU = "jobyard_job_gpu_utilization_ratio"
GRID = Grid(1000.0, 2000.0, 10.0)


def matrix(*rows: tuple[dict[str, str], list[list[Any]]]) -> Answer:
    result = [{"metric": labels, "values": values} for labels, values in rows]
    return Answer(body={"status": "success", "data": {"resultType": "matrix", "result": result}})


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def prometheus(server: ScriptedServer, clock: ManualClock) -> AsyncIterator[Prometheus]:
    client = Prometheus(server.url + "/", clock)
    yield client
    await client.close()


async def test_lines_are_told_apart_by_their_labels(prometheus: Prometheus, server: ScriptedServer) -> None:
    server.on(
        *ASK,
        matrix(
            ({"metric": CPU, "rank": "0"}, [[1000, "0.5"], [1010.5, "1e-3"]]),
            ({"metric": GPU, "rank": "1", "device": "3"}, [[1000, "0.25"]]),
            ({"metric": REPORTED, "rank": "0", "name": "loss"}, [[1000, "-2"]]),
        ),
    )
    assert await prometheus.lines(JOB, GRID) == {
        Line(CPU, "", "0"): {1000.0: 0.5, 1010.5: 0.001},
        Line(GPU, "3", "1"): {1000.0: 0.25},
        Line(REPORTED, "loss", "0"): {1000.0: -2.0},
    }


async def test_the_grid_is_asked_for_as_it_is(prometheus: Prometheus, server: ScriptedServer) -> None:
    server.on(*ASK, matrix())
    await prometheus.lines(JOB, Grid(1_795_858_200.125, 1_795_858_300.5, 0.25))
    (asked,) = server.asked
    assert (asked.query["start"], asked.query["end"], asked.query["step"]) == (
        "1795858200.125",
        "1795858300.500",
        "0.250",
    )


async def test_what_is_not_a_number_and_what_is_not_known_is_left_out(
    prometheus: Prometheus, server: ScriptedServer
) -> None:
    values = [[1000, "NaN"], [1010, "+Inf"], [1020, "-Inf"], [1030, "3"]]
    server.on(
        *ASK,
        matrix(
            ({"metric": CPU, "rank": "0"}, values),
            ({"metric": CPU, "rank": "1"}, values[:3]),
            ({"metric": "up"}, values),
            ({}, values),
        ),
    )
    assert await prometheus.lines(JOB, GRID) == {Line(CPU, "", "0"): {1030.0: 3.0}}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500, body="oops"),
        Answer(status=422, body={"status": "error", "errorType": "execution", "error": "too many samples"}),
        Answer(status=401, body=""),
        Answer(status=302, body="", headers={"Location": "http://127.0.0.1:9/"}),
        Answer(body="<html>"),
        Answer(body=""),
        Answer(body=[]),
        Answer(body={"status": "error", "error": "no"}),
        Answer(body={"status": "success", "data": {"resultType": "vector", "result": []}}),
        Answer(body={"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}}]}}),
        matrix(({"metric": CPU}, [["x", "1"]])),
        matrix(({"metric": CPU}, [[1, "1", 2]])),
        matrix(({"metric": CPU}, [[1, "1.2.3"]])),
        Pieces((b'{"status": "success"',), broken=True, type="application/json"),
        BREAK,
    ],
    ids=str,
)
async def test_a_wrong_answer_is_said_and_never_taken(
    prometheus: Prometheus, server: ScriptedServer, answer: Answer | Pieces
) -> None:
    server.on(*ASK, answer)
    with pytest.raises(PrometheusAway, match="JOBYARD_PROMETHEUS_URL"):
        await prometheus.lines(JOB, GRID)
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body", [b" " * (MOST_BYTES + 1), gzip.compress(b" " * (4 * MOST_BYTES))], ids=["plain", "gzip"]
)
async def test_more_than_can_be_taken_is_refused_with_what_to_do(
    prometheus: Prometheus, server: ScriptedServer, body: bytes
) -> None:
    packed = body.startswith(b"\x1f\x8b")
    server.on(*ASK, Pieces((body,), type="application/json", headers={"Content-Encoding": "gzip"} if packed else {}))
    with pytest.raises(Invalid, match="larger step"):
        await prometheus.lines(JOB, GRID)


async def test_one_that_cannot_be_reached_rests_and_is_asked_again(clock: ManualClock) -> None:
    with scripted_server() as server:
        gone = server.url
    prometheus = Prometheus(gone, clock)
    for _ in range(2):
        with pytest.raises(PrometheusAway, match="cannot be reached"):
            await prometheus.lines(JOB, GRID)
    await prometheus.close()


async def test_while_it_rests_it_is_not_asked(
    prometheus: Prometheus, server: ScriptedServer, clock: ManualClock
) -> None:
    server.on(*ASK, BREAK, matrix())
    for _ in range(3):
        with pytest.raises(PrometheusAway):
            await prometheus.lines(JOB, GRID)
    assert len(server.asked) == 1
    clock.advance(REST_S)
    assert await prometheus.lines(JOB, GRID) == {}
    assert await prometheus.lines(JOB, GRID) == {}


async def test_one_that_takes_too_long_rests_as_well(clock: ManualClock) -> None:
    with prometheus_double() as double:
        double.held.clear()
        prometheus = Prometheus(double.url, clock)
        for _ in range(3):
            with pytest.raises(PrometheusAway, match="cannot be reached"):
                await prometheus.lines(JOB, GRID)
        assert len(double.asked) == 1
        await prometheus.close()


async def test_one_question_that_it_refuses_does_not_keep_the_next_from_it(
    prometheus: Prometheus, server: ScriptedServer
) -> None:
    server.on(*ASK, Answer(status=422, body={}), matrix())
    with pytest.raises(PrometheusAway, match="422"):
        await prometheus.lines(JOB, GRID)
    assert await prometheus.lines(JOB, GRID) == {}


async def test_a_name_and_password_in_the_address_are_sent(server: ScriptedServer, clock: ManualClock) -> None:
    server.on(*ASK, matrix())
    prometheus = Prometheus(server.url.replace("//", "//ada:secret@"), clock)
    await prometheus.lines(JOB, GRID)
    assert server.asked[0].headers["authorization"].startswith("Basic ")
    server.on(*ASK, BREAK)
    with pytest.raises(PrometheusAway) as raised:
        await prometheus.lines(JOB, GRID)
    assert "secret" not in str(raised.value)
    await prometheus.close()
