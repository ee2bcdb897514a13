"""The dashboards ask for what there is, in the units of the tables, and of the data source that is provisioned."""

import re
from typing import get_args

import pytest
import yaml

from services.gateway.application import routed
from services.gateway.domain.sight import PARTS
from shared.contracts.families import DROPPED, EXPORTED, REPORTED
from shared.contracts.instruments import INSTRUMENTS, SCRAPE_JOB
from shared.contracts.metrics import Metric
from tests.support.dashboards import FOLDER, NAMES, choices, dashboard, panels, variables
from tests.support.promql import selectors_of

PROVISIONING = FOLDER.parent / "provisioning"
OF_ITSELF = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
"""Metrics that Prometheus and its client bring along."""
SAID_BY_ALL = ("jobyard_stream_", "jobyard_consumer_", "jobyard_log_lines", "jobyard_log_gaps")
"""How metrics begin of which two replicas count the same thing."""
KNOWN = {
    *OF_ITSELF,
    *(one.name for one in EXPORTED),
    REPORTED,
    DROPPED,
    *(f"{one.name}{part}" for one in INSTRUMENTS for part in PARTS.get(one.kind, ("",))),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_query_asks_for_metrics_that_there_are(name: str) -> None:
    for panel in panels(name):
        assert panel.queries
        for query in panel.asked("01JD8F2M5V7Q0R3S6T9W2X4Y0A"):
            assert {selector.name for selector in selectors_of(query)} <= KNOWN, (panel.title, query)
    assert {metric for metric, _ in choices(name)} <= KNOWN


@pytest.mark.parametrize("name", NAMES)
def test_what_other_programs_have_as_well_is_asked_of_the_platform_alone(name: str) -> None:
    asked = [selector for panel in panels(name) for query in panel.asked() for selector in selectors_of(query)]
    for selector in asked:
        if selector.name in OF_ITSELF:
            assert [(one.name, one.value) for one in selector.matchers.matchers] == [("job", SCRAPE_JOB)]


@pytest.mark.parametrize("name", NAMES)
def test_what_all_replicas_say_alike_is_not_added_up_over_them(name: str) -> None:
    for panel in panels(name):
        for query in panel.asked():
            if any(selector.name.startswith(SAID_BY_ALL) for selector in selectors_of(query)):
                assert not re.search(r"\bsum\b(?! by \(instance\))", query), (panel.title, query)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_says_what_it_shows_and_keeps_its_number(name: str) -> None:
    shown = panels(name)
    assert all(panel.description.endswith(".") for panel in shown)
    numbers = [panel["id"] for panel in dashboard(name)["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_job_has_a_panel_for_each_of_its_families_and_one_for_what_it_reports() -> None:
    asked = [query for panel in panels("jobyard-job") for query in panel.queries]
    assert len(panels("jobyard-job")) == len(get_args(Metric)) + 2
    for one in EXPORTED:
        assert sum(one.name in query for query in asked) == 1, one.name
    assert all('job_id="$job_id"' in query for query in asked)


def test_the_data_source_that_is_provisioned_is_the_one_that_the_dashboards_ask() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "jobyard.yaml").read_text())["datasources"]
    assert source["jsonData"]["oauthPassThru"] is True
    path = f"{source['url'].removeprefix('${JOBYARD_GATEWAY_URL}')}/api/v1/query"
    assert path in {getattr(route, "path", None) for route in routed().routes}
    for name in NAMES:
        content = dashboard(name)
        asked = [*variables(name), *(one for one in content["panels"] if one["type"] != "row")]
        assert {one["datasource"]["uid"] for one in asked} <= {source["uid"]}
        assert content["uid"] == name


def test_the_dashboards_that_are_provisioned_are_those_that_are_made() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "jobyard.yaml").read_text())["providers"]
    assert (provider["type"], provider["options"]["path"]) == ("file", "${JOBYARD_DASHBOARDS}")
    assert {path.stem for path in FOLDER.iterdir()} == set(NAMES)
