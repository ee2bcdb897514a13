"""A dashboard of Grafana on this platform's own origin: who sees it, as whom, and nothing beside it."""

import socket
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.gateway.audited import BY_ITSELF
from services.gateway.domain.access import Role
from services.gateway.grafana.tickets import LASTS_S
from tests.support.grafana import KEPT, PAGE, GrafanaDouble, grafana_double
from tests.support.prometheus_double import PrometheusDouble, prometheus_double
from tests.support.waiting import until
from tests.support.wire import Wire, rest_of, wire

DASHBOARD = "/grafana/d/jobyard-job"
QUERY = "/grafana/api/ds/query"
PROMETHEUS = "/api/v1/prometheus/api/v1/query"
CPU = "jobyard_job_cpu_seconds_total"


@dataclass(frozen=True)
class Installation:
    """A gateway on a real port, with Grafana and Prometheus beside it."""

    yard: Wire
    grafana: GrafanaDouble
    prometheus: PrometheusDouble

    async def ask(self, method: str, path: str, name: str = "olive", **arguments: Any) -> httpx.Response:
        """A request in the name of an account."""
        headers = self.yard.inside.token(name) | arguments.pop("headers", {})
        return await self.yard.http.request(method, path, headers=headers, **arguments)

    async def query(self, name: str = "olive", source: str = "jobyard", **arguments: Any) -> httpx.Response:
        """What a panel asks."""
        query = {"refId": "A", "datasource": {"type": "prometheus", "uid": source}, "expr": CPU}
        return await self.ask(
            "POST", QUERY, name, json={"queries": [query], "from": "now-1h", "to": "now"}, **arguments
        )


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncGenerator[Installation, None]:
    with ExitStack() as stack:
        grafana = stack.enter_context(grafana_double())
        prometheus = stack.enter_context(prometheus_double())
        beside = {"prometheus_url": prometheus.url, "grafana_url": grafana.url, "grafana_answer_bytes": 100_000}
        async with wire(tmp_path, drain_s=0, **beside) as yard:
            grafana.yard = f"http://127.0.0.1:{yard.port}"
            await yard.inside.people.vcs.create("lab", {"open": False}, BY_ITSELF)
            await yard.inside.add_account("olive", {"lab": Role.MEMBER})
            yield Installation(yard, grafana, prometheus)


async def test_without_a_grafana_there_is_none_and_who_asks_is_told(tmp_path: Path) -> None:
    async with wire(tmp_path, drain_s=0) as yard:
        answer = await yard.http.get(DASHBOARD, headers=yard.inside.token())
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert "JOBYARD_GATEWAY_GRAFANA_URL" in answer.json()["detail"]
        assert (await yard.http.get("/api/v1/me", headers=yard.inside.token())).json()["grafana"] is None


async def test_who_is_signed_in_sees_the_dashboard_in_a_frame_of_ours(installation: Installation) -> None:
    me = (await installation.ask("GET", "/api/v1/me")).json()
    answer = await installation.ask("GET", me["grafana"], params={"var-job_id": "X", "kiosk": ""})
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers.get_list("content-security-policy") == [
        "script-src 'self' 'nonce-x'; object-src 'none'; frame-ancestors 'self'"
    ]
    assert "x-frame-options" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert installation.grafana.last.query == "var-job_id=X&kiosk="
    head = await installation.ask("HEAD", DASHBOARD)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(len(PAGE)), b"")


async def test_grafana_is_told_who_looks_and_gets_nothing_that_signs_them_in(installation: Installation) -> None:
    said = {"X-WEBAUTH-USER": "admin", "X-WEBAUTH-ROLE": "Admin", "X-Grafana-Org-Id": "2"}
    cookies = {"Cookie": "jobyard_session=secret; __Host-jobyard_session=secret; grafana_session=theirs"}
    await installation.ask("GET", DASHBOARD, headers=said | cookies)
    headers = installation.grafana.last.headers
    assert (headers["x-webauth-user"], headers["x-webauth-role"]) == ("olive", "Viewer")
    assert not {"authorization", "cookie", "x-grafana-org-id", "origin"} & set(headers)


async def test_who_is_not_signed_in_reaches_nothing_of_grafana(installation: Installation) -> None:
    for method, path in (
        ("GET", DASHBOARD),
        ("GET", "/grafana/public/build/x.js"),
        ("POST", QUERY),
        ("GET", "/grafana"),
    ):
        assert (await installation.yard.http.request(method, path)).status_code == 401
    assert installation.grafana.asked == []


async def test_a_dashboard_shows_the_series_of_the_jobs_that_its_viewer_may_see(installation: Installation) -> None:
    answer = await installation.query()
    assert answer.json()["results"]["A"]["status"] == 200
    asked = installation.prometheus.last.parameters["query"]
    assert asked != [CPU]
    assert 'owner="olive"' in asked[0]
    assert (await installation.query("admin")).json()["results"]["A"]["status"] == 200
    assert installation.prometheus.last.parameters["query"] == [CPU]


async def test_a_panel_that_names_another_data_source_asks_ours(installation: Installation) -> None:
    answer = await installation.query(source="everything")
    assert "what nobody may see" not in answer.text
    assert 'owner="olive"' in installation.prometheus.last.parameters["query"][0]


async def test_the_choices_of_a_dashboard_are_those_of_its_viewer(installation: Installation) -> None:
    path = "/grafana/api/datasources/uid/jobyard/resources/api/v1/series"
    installation.prometheus.body = {"status": "success", "data": []}
    for method, where in (("GET", "params"), ("POST", "data")):
        answer = await installation.ask(method, path, **{where: {"match[]": CPU}})  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        assert 'owner="olive"' in installation.prometheus.last.parameters["match[]"][0]


async def test_what_is_no_question_is_refused_before_grafana_hears_of_it(installation: Installation) -> None:
    question = {"queries": [{"refId": "A", "expr": CPU}], "from": "now-1h", "to": "now"}
    wrong: tuple[dict[str, Any], ...] = (
        {"json": {}},
        {"json": question | {"queries": []}},
        {"json": question | {"queries": ["up"]}},
        {"json": question | {"from": 1}},
        {
            "content": b'{"queries": [{"a": NaN}], "from": "a", "to": "b"}',
            "headers": {"Content-Type": "application/json"},
        },
        {"content": b"[" * 5000, "headers": {"Content-Type": "application/json"}},
    )
    for arguments in wrong:
        assert (await installation.ask("POST", QUERY, **arguments)).status_code == 422, arguments
    assert (await installation.ask("POST", QUERY, data={"a": "b"})).status_code == 415
    large = question | {"queries": [{"refId": "A", "expr": "x" * (1 << 20)}]}
    assert (await installation.ask("POST", QUERY, json=large)).status_code == 413
    assert (await installation.ask("DELETE", DASHBOARD)).status_code == 405
    assert (await installation.ask("POST", "/grafana/api/dashboards/db", json={})).status_code == 404
    assert installation.grafana.asked == []


async def test_a_page_of_another_site_asks_nothing(installation: Installation) -> None:
    for origin in ("https://elsewhere.example", "null"):
        assert (await installation.query(headers={"Origin": origin})).status_code == 403
    assert installation.grafana.asked == []
    own = {"Origin": f"http://127.0.0.1:{installation.yard.port}"}
    assert (await installation.query(headers=own)).status_code == 200


PATHS = (
    "/grafana/public/%2e%2e/api/users",
    "/grafana/public/..%2fapi",
    "/grafana/public/%00",
    "/grafana/%2e%2e/api/v1/me",
)


async def test_a_path_that_leads_elsewhere_and_a_websocket_do_not_reach_grafana(installation: Installation) -> None:
    heads = [installation.yard.head(path, "olive", Connection="close") for path in PATHS]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": "x"}
    heads.append(installation.yard.head("/grafana/api/live/ws", "olive", **upgrade))
    for head in heads:
        with installation.yard.connected(head) as connection:
            connection.shutdown(socket.SHUT_WR)
            assert (await rest_of(connection)).startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert installation.grafana.asked == []


async def test_a_redirect_of_grafana_stays_on_this_platform(installation: Installation) -> None:
    location = f"{installation.grafana.url}{DASHBOARD}/one?var-job_id=X"
    installation.grafana.answers[DASHBOARD] = (302, {"Location": location}, b"")
    answer = await installation.ask("GET", DASHBOARD)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{DASHBOARD}/one?var-job_id=X")
    installation.grafana.answers[DASHBOARD] = (302, {"Location": "https://elsewhere.example/"}, b"")
    assert (await installation.ask("GET", DASHBOARD)).status_code == 503


async def test_an_answer_that_is_too_large_and_a_grafana_that_is_away_are_said(installation: Installation) -> None:
    installation.grafana.answers[DASHBOARD] = (200, {}, b"x" * 200_000)
    answer = await installation.ask("GET", DASHBOARD)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    del installation.grafana.answers[DASHBOARD]
    assert (await installation.ask("GET", DASHBOARD)).content == PAGE


async def test_large_answers_are_streams_of_whoever_asks_and_end_with_their_rights(tmp_path: Path) -> None:
    large = b"x" * (4 << 20)
    with grafana_double() as grafana:
        grafana.answers[DASHBOARD] = (200, {"Content-Type": "text/html"}, large)
        async with wire(tmp_path, grafana_url=grafana.url, max_streams_per_user=2, stalled_s=3600, drain_s=0) as yard:
            await yard.inside.add_account("olive")
            whole = await yard.http.get(DASHBOARD, headers=yard.inside.token("olive"))
            assert (whole.status_code, whole.headers["content-type"], whole.content) == (200, "text/html", large)
            with ExitStack() as stack:
                stuck = [stack.enter_context(yard.connected(yard.head(DASHBOARD, "olive"))) for _ in range(2)]
                await until(lambda: yard.inside.parts.streams.running == 2, "both are under way")
                refused = await yard.http.get(DASHBOARD, headers=yard.inside.token("olive"))
                assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
                await yard.inside.accounts.update("olive", BY_ITSELF, {"disabled": True})
                yard.inside.clock.advance(2)
                await until(lambda: yard.running == 0, "they are cut")
                for each in stuck:
                    assert len(await rest_of(each)) < len(large)


async def ticket_of(installation: Installation, name: str = "olive") -> str:
    """What Grafana got for the data source."""
    await installation.query(name)
    return installation.grafana.last.headers["cookie"].partition("=")[2]


async def with_ticket(installation: Installation, ticket: str, path: str = PROMETHEUS) -> int:
    headers = {"Cookie": f"{KEPT}={ticket}"}
    return (await installation.yard.http.get(path, params={"query": CPU}, headers=headers)).status_code


async def test_a_ticket_asks_prometheus_for_a_minute_and_nothing_else(installation: Installation) -> None:
    ticket = await ticket_of(installation)
    assert await with_ticket(installation, ticket) == 200
    assert await with_ticket(installation, ticket, "/api/v1/me") == 401
    assert await with_ticket(installation, ticket, DASHBOARD) == 401
    bearer = await installation.yard.http.get("/api/v1/me", headers={"Authorization": f"Bearer {ticket}"})
    assert bearer.status_code == 401
    installation.yard.inside.clock.advance(LASTS_S)
    assert await with_ticket(installation, ticket) == 401


async def test_a_ticket_counts_no_longer_than_its_owner_s_sign_in(installation: Installation) -> None:
    ticket = await ticket_of(installation)
    await installation.yard.inside.accounts.update("olive", BY_ITSELF, {"disabled": True})
    installation.yard.inside.clock.advance(5)
    assert await with_ticket(installation, ticket) == 401


async def test_what_is_no_ticket_does_not_count_as_one(installation: Installation) -> None:
    ticket = await ticket_of(installation)
    token = installation.yard.inside.token("olive")["Authorization"].partition(" ")[2]
    head, claims, _ = ticket.split(".")
    for wrong in (token, "", "x", f"{head}.{claims}.", f"{head}.{claims}.{token.split('.')[2]}", "x" * 10_000):
        assert await with_ticket(installation, wrong) == 401, wrong
