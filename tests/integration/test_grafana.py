"""Who is signed in to Grafana sees there the own jobs: an issuer, the running platform, and a real Prometheus."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.dashboards import panels
from tests.support.exposition import ExposedJob, exposed
from tests.support.oidc import Issuer, issuer, settings, who
from tests.support.people import Person, add, admin
from tests.support.platform import Platform, platform
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer

needs("prometheus")

PATH = "/api/v1/prometheus/api/v1"
MEMORY = "jobyard_job_memory_working_set_bytes"
OLIVES = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0A", "olive", "lab")
ADAS = ExposedJob("01JD8F2M5V7Q0R3S6T9W2X4Y0B", "ada", "lab")


@dataclass(frozen=True)
class Running:
    """What Grafana stands between."""

    idp: Issuer
    yard: Platform

    def as_grafana(self, query: str, sub: str = "sub-of-olive", aud: str = "grafana") -> Any:
        """What Grafana sends for whoever is signed in there, and what comes back."""
        now = int(time.time())
        claims = {"iss": self.idp.url, "aud": aud, "sub": sub, "iat": now, "exp": now + 300}
        headers = {"Authorization": "Bearer of-the-issuer", "X-ID-Token": self.idp.sign(claims)}
        return self.yard.http.post(f"{PATH}/query", data={"query": query}, headers=headers)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with ExitStack() as stack:
        idp = stack.enter_context(issuer())
        prometheus = stack.enter_context(PrometheusServer([stack.enter_context(exposed((OLIVES, ADAS)))]))
        extra = {
            "JOBYARD_PROMETHEUS_URL": prometheus.url,
            "JOBYARD_GATEWAY_OIDC_FORWARDED_CLIENTS": "grafana, another",
        }
        yard = stack.enter_context(platform(**settings(idp), **extra))
        admin(yard).call("PATCH", "/vcs/lab", 200, json={"open": False})
        prometheus.wait_for("rate(jobyard_job_cpu_seconds_total[1m]) > 0")
        yield Running(idp, yard)


@pytest.fixture(scope="module")
def olive(running: Running) -> Person:
    """She signs in to the platform once, as `jobyard login --oidc` does."""
    who(running.idp, "olive", "researchers")
    begun = running.yard.http.post("/api/v1/auth/oidc/device", json={}).json()
    running.idp.confirmed = True
    said = running.yard.http.post("/api/v1/auth/oidc/device/token", json={"device_code": begun["device_code"]})
    return Person(running.yard, "olive", said.json()["access_token"])


def test_grafana_shows_everybody_the_own_jobs(running: Running, olive: Person) -> None:
    answer = running.as_grafana(MEMORY)
    assert answer.status_code == 200, answer.text
    assert [one["metric"]["job_id"] for one in answer.json()["data"]["result"]] == [OLIVES.id]
    for panel in panels("jobyard-job"):
        for query in panel.asked(OLIVES.id):
            assert running.as_grafana(query).json()["data"]["result"], panel.title
        for query in panel.asked(ADAS.id):
            assert running.as_grafana(query).json()["data"]["result"] == [], panel.title


def test_whom_the_platform_does_not_know_grafana_shows_nothing(running: Running, olive: Person) -> None:
    assert running.as_grafana(MEMORY, sub="sub-of-nobody").status_code == 401
    assert running.as_grafana(MEMORY, aud="yet-another").status_code == 401


def test_an_own_token_asks_the_same_way(running: Running, olive: Person) -> None:
    count = {"query": f"count({MEMORY})"}
    path = "/prometheus/api/v1/query"
    for method, kind in (("GET", "params"), ("POST", "data")):
        said: dict[str, Any] = {kind: count}
        answers = [one.ask(method, path, **said) for one in (olive, admin(running.yard))]
        assert [answer.json()["data"]["result"][0]["value"][1] for answer in answers] == ["1", "2"]


def test_who_becomes_an_administrator_of_the_virtual_cluster_sees_its_jobs(running: Running, olive: Person) -> None:
    bea = add(running.yard, "bea", {"lab": "admin"})
    answer = bea.ask("GET", "/prometheus/api/v1/query", params={"query": f"count({MEMORY})"})
    assert answer.json()["data"]["result"][0]["value"][1] == "2"
