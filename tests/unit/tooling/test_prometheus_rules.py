"""deploy/prometheus: promtool takes it, each alert has a test, and all of it speaks of metrics that there are."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from services.embedded.options import METRICS_PORT
from shared.contracts.instruments import INSTRUMENTS, SCRAPE_JOB
from tests.support.platform import CHECKOUT, PARTS
from tests.support.programs import found, needs
from tests.support.separate import SERVICES

needs("promtool")

FOLDER = CHECKOUT / "deploy/prometheus"
RULES = sorted(FOLDER.glob("rules/*.yml"))
TARGET = {"job", "instance"}
"""What Prometheus itself adds to each series."""
OWN = {"up": TARGET, "process_start_time_seconds": TARGET}
FOR_HISTOGRAMS = ("_bucket", "_count", "_sum")


def promtool(*words: str | Path) -> None:
    program = found("promtool")
    assert program is not None
    done = subprocess.run([program, *map(str, words)], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def rules() -> list[dict[str, Any]]:
    groups = (group for path in RULES for group in yaml.safe_load(path.read_text())["groups"])
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def known() -> dict[str, set[str]]:
    """The labels of every metric that there is, by its name."""
    names = dict(OWN)
    for one in INSTRUMENTS:
        suffixes = FOR_HISTOGRAMS if one.kind == "histogram" else ("",)
        names |= {f"{one.name}{suffix}": {*one.labels, *TARGET, "le"} for suffix in suffixes}
    return names


def selectors(promql: str) -> Iterator[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def note(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        return True

    promql_parser.walk(promql_parser.parse(promql), note)
    yield from found


def test_promtool_takes_the_rules_and_both_configurations() -> None:
    promtool("check", "rules", *RULES)
    promtool("check", "config", "prometheus.yml")
    promtool("check", "config", "services.yml")


def test_alerts_fire_when_they_should_and_not_before() -> None:
    promtool("test", "rules", *sorted(FOLDER.glob("tests/*.yml")))


def test_each_alert_is_seen_to_fire() -> None:
    tests = yaml.safe_load((FOLDER / "tests/alerts.yml").read_text())["tests"]
    samples = [sample for test in tests for one in test["promql_expr_test"] for sample in one["exp_samples"]]
    fired = {rule["alert"] for rule in alerts() for sample in samples if f'"{rule["alert"]}"' in sample["labels"]}
    assert fired == {rule["alert"] for rule in alerts()}


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"].endswith(".")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_asks_for_metrics_and_labels_that_there_are(rule: dict[str, Any]) -> None:
    recorded = {one["record"] for one in rules() if "record" in one}
    for selector in selectors(rule["expr"]):
        assert selector.name in known() or selector.name in recorded
        if selector.name in known():
            assert {one.name for one in selector.matchers.matchers} <= known()[selector.name]


def test_what_other_programs_have_as_well_is_asked_of_the_platform_alone() -> None:
    asked = [selector for rule in rules() for selector in selectors(rule["expr"]) if selector.name in OWN]
    assert asked
    for selector in asked:
        assert [(one.name, one.value) for one in selector.matchers.matchers] == [("job", SCRAPE_JOB)]


@pytest.mark.parametrize("name", ["prometheus.yml", "services.yml"])
def test_the_platform_s_targets_have_the_name_that_is_asked_for(name: str) -> None:
    (job,) = yaml.safe_load((FOLDER / name).read_text())["scrape_configs"]
    assert job["job_name"] == SCRAPE_JOB


def test_prometheus_looks_for_every_part_of_jobyard_up_where_it_is() -> None:
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    parts = PARTS[1:]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{METRICS_PORT + index}" for index in range(len(parts))]}]


def test_every_service_is_looked_for_and_missed() -> None:
    (job,) = yaml.safe_load((FOLDER / "services.yml").read_text())["scrape_configs"]
    assert set(job["dns_sd_configs"][0]["names"]) == set(SERVICES)
    (missing,) = [rule for rule in alerts() if rule["alert"] == "JobyardServiceMissing"]
    missed = [matcher.value for one in selectors(missing["expr"]) for matcher in one.matchers.matchers]
    assert sorted(missed) == sorted(SERVICES)
