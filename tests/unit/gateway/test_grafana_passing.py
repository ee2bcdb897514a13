"""What passes between a browser and Grafana, and that nothing else does."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.gateway.grafana.passing import (
    DASHBOARD,
    SOURCE,
    Elsewhere,
    Questions,
    asks_data,
    from_grafana,
    passes,
    to_grafana,
)

OWN = ("yard.example.org", "grafana:3000")

SHOWN = (
    DASHBOARD,
    "/grafana/d/jobyard-job/jobyard-one-job",
    "/grafana/d-solo/jobyard-cluster/x",
    "/grafana/public/build/123.abc-4.js",
    "/grafana/public/app/plugins/datasource/prometheus/img/prometheus_logo.svg",
    "/grafana/api/frontend/settings",
    "/grafana/api/dashboards/uid/jobyard-job",
    "/grafana/apis/dashboard.grafana.app/v1beta1/namespaces/default/dashboards/jobyard-job/dto",
    "/grafana/api/datasources/uid/jobyard/resources/api/v1/label/job_id/values",
)
HIDDEN = (
    "/grafana/",
    "/grafana/d/other",
    "/grafana/d/jobyard-job/../other",
    "/grafana/explore",
    "/grafana/public/../api/admin/settings",
    "/grafana/public//etc/passwd",
    "/grafana/public/.hidden",
    "/grafana/public/a\\b",
    "/grafana/public/a\nb",
    "/grafana/api/datasources",
    "/grafana/api/datasources/proxy/1/api/v1/query",
    "/grafana/api/datasources/uid/other/resources/api/v1/labels",
    "/grafana/api/datasources/uid/jobyard/resources/../../other",
    "/grafana/api/dashboards/uid/other",
    "/grafana/api/search",
    "/grafana/api/users",
    "/grafana/api/snapshots/x",
    "/grafana/api/live/ws",
    "/grafana/render/d-solo/jobyard-job/x",
    "/grafana/login",
    "/grafana/metrics",
    "/grafana/api/annotations",
)


@pytest.mark.parametrize("path", SHOWN)
def test_what_a_dashboard_of_ours_needs_passes(path: str) -> None:
    assert passes("GET", path, "")
    assert passes("HEAD", path, "")
    assert not passes("POST", path, "")


@pytest.mark.parametrize("path", HIDDEN)
def test_nothing_else_of_grafana_passes(path: str) -> None:
    assert not passes("GET", path, "")
    assert not passes("POST", path, "")


def test_questions_to_our_data_source_are_what_may_be_posted() -> None:
    assert passes("POST", "/grafana/api/ds/query", "ds_type=prometheus")
    assert passes("POST", "/grafana/api/datasources/uid/jobyard/resources/api/v1/series", "")
    assert not passes("POST", "/grafana/api/dashboards/db", "")
    assert not passes("GET", "/grafana/api/ds/query", "")


def test_notes_are_those_of_one_dashboard_of_ours() -> None:
    notes = "/grafana/api/annotations"
    assert passes("GET", notes, "from=1&dashboardUID=jobyard-job")
    assert not passes("GET", notes, "dashboardUID=other")
    assert not passes("GET", notes, "dashboardUID=jobyard-job&dashboardUID=other")


def test_only_what_asks_the_data_source_carries_a_ticket() -> None:
    assert asks_data("/grafana/api/ds/query")
    assert asks_data("/grafana/api/datasources/uid/jobyard/resources/api/v1/labels")
    assert not asks_data(DASHBOARD)
    assert not asks_data("/grafana/api/plugins/other/settings")


def test_grafana_learns_who_looks_from_us_and_nothing_else_of_the_request() -> None:
    sent = [
        ("accept", "text/html"),
        ("authorization", "Bearer secret"),
        ("cookie", "jobyard_session=secret; grafana_session=x"),
        ("x-webauth-user", "admin"),
        ("X-WEBAUTH-ROLE", "Admin"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-grafana-org-id", "2"),
        ("connection", "x-other"),
        ("x-other", "1"),
    ]
    viewer = [("X-WEBAUTH-USER", "olive"), ("X-WEBAUTH-ROLE", "Viewer")]
    assert to_grafana(sent, "olive") == [("accept", "text/html"), *viewer]


def test_the_browser_gets_no_cookie_of_grafana_and_only_we_may_frame_it() -> None:
    sent = [
        ("Content-Type", "text/html"),
        ("Set-Cookie", "jobyard_session=x"),
        ("X-Frame-Options", "deny"),
        ("Transfer-Encoding", "chunked"),
        ("Service-Worker-Allowed", "/"),
        ("Content-Security-Policy", "script-src 'self'; Frame-Ancestors *;"),
    ]
    assert from_grafana(sent, DASHBOARD, OWN) == [
        ("content-type", "text/html"),
        ("content-security-policy", "script-src 'self'; frame-ancestors 'self'"),
    ]
    assert from_grafana([], DASHBOARD, OWN) == [("content-security-policy", "frame-ancestors 'self'")]


@pytest.mark.parametrize(
    ("location", "leads"),
    [
        ("/grafana/d/jobyard-job/one?var-job_id=X", "/grafana/d/jobyard-job/one?var-job_id=X"),
        ("https://yard.example.org/grafana/d/jobyard-job/one", "/grafana/d/jobyard-job/one"),
        ("http://grafana:3000/grafana/login", "/grafana/login"),
        ("jobyard-job/one", "/grafana/d/jobyard-job/one"),
    ],
)
def test_a_redirect_stays_under_grafana_s_own_path(location: str, leads: str) -> None:
    assert ("location", leads) in from_grafana([("Location", location)], DASHBOARD, OWN)


@pytest.mark.parametrize(
    "location",
    ["https://elsewhere.example/grafana/", "//elsewhere.example/grafana/", "/api/v1/me", "../../api", "javascript:1"],
)
def test_a_redirect_to_another_place_is_not_passed_on(location: str) -> None:
    with pytest.raises(Elsewhere):
        from_grafana([("Location", location)], DASHBOARD, OWN)


def questions(*queries: dict[str, Any]) -> dict[str, Any]:
    asked = {"queries": queries, "from": "now-1h", "to": "now", "Queries": [{"datasource": {"uid": "other"}}]}
    return Questions.model_validate(asked, strict=False).to_our_source()


@pytest.mark.parametrize("name", ["datasource", "Datasource", "DATASOURCE", "data\u017fource", "datasourceId"])
def test_whatever_data_source_is_named_ours_is_asked(name: str) -> None:
    asked = questions({"refId": "A", "expr": "up", name: {"uid": "other"}})
    assert asked == {
        "queries": [{"refId": "A", "expr": "up", "datasource": SOURCE}],
        "from": "now-1h",
        "to": "now",
    }


def test_no_question_or_a_thousand_are_refused() -> None:
    for count in (0, 1000):
        with pytest.raises(ValidationError):
            questions(*[{"refId": "A"}] * count)
