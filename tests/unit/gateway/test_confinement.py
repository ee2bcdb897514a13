"""What people ask in PromQL reads nothing but what they may see, however they ask."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.gateway.domain.access import Caller, Role
from services.gateway.domain.sight import JOB_METRICS, VC_METRICS, Condition, Sight, sight_of
from services.gateway.promql.confining import confined_matches, confined_query
from services.gateway.promql.known import LONGEST, MOST_OPERATIONS
from shared.contracts.errors import Forbidden, Invalid, Refusal
from shared.contracts.metrics import MAX_POINTS
from tests.support.dashboards import NAMES, panels
from tests.support.promql import ALONE, AMONG, is_confined, selectors_of, sight
from tests.support.queries import CPU, HONEST, MEMORY, NARROWER, STRANGE_TEXT

ROOT = Path(__file__).parents[3]
WORK = (
    ("quantile_over_time(0.5, vector(time())[10900s:1s])", 10_900),
    ("max_over_time(vector(1)[5000s:1s]) + min_over_time(vector(1)[5000s:1s])", 1_500),
    (f"avg_over_time({CPU}[30d])", 1_000),
    (f"max_over_time(rate({CPU}[1h])[1d:1m])", 200),
    ("+".join([f"rate({CPU}[1d])"] * 20), 500),
)
"""With points of a range at which they are too much."""
FORBIDDEN = (
    "up",
    '{__name__="up"}',
    "process_resident_memory_bytes",
    "jobyard_http_requests_total",
    "rate(jobyard_http_requests_total[5m])",
    f"{CPU} or up",
    f"{CPU} unless on () up",
    f"{CPU} and on () (up == 1)",
    f"scalar(up) * {CPU}",
    f"sum({CPU}) / sum(up)",
    "absent(up)",
    "max_over_time(up[5m:1m])",
    "ALERTS",
    "sum",
    "jobyard_job_cpu_seconds",
    "jobyard_job_",
)
REFUSED = (
    "",
    "{}",
    '{job_id="1"}',
    '{owner="alice"}',
    'rate({vc="lab"}[5m])',
    f"{CPU}[5m]",
    f'{CPU}{{owner="a" or owner="b"}}',
    f'{{__name__="{CPU}" or __name__="up"}}',
    f"info({CPU})",
    f'info({CPU}, {{__name__="up"}})',
    f"made_up({CPU})",
    f'{CPU}{{"a label"="b"}}',
    f'sum by ("a label") ({CPU})',
    f"{CPU} + fill(0) {MEMORY}",
    f"{CPU}{{owner=alice}}",
    f"{CPU}}} or up",
    f"{CPU} offset NaN",
    f"{CPU} offset 1e300",
    f"{CPU} @ -62135596801",
    f"{CPU} @ 1e300",
    f"{CPU} ~ {MEMORY}",
    f"{CPU} =~ {MEMORY}",
    f"{CPU}{{a=~b}}",
    f'{CPU}{{a="b", ~}}',
    f"{CPU} offset 11y",
    f"rate({CPU}[11y])",
    f"max_over_time({CPU}[1y:1s])",
    f"max_over_time(max_over_time({CPU}[1d:1m])[1d:1m])",
    "('",
    "\x00",
    f"{CPU}{{{'a' * LONGEST}}}",
    "(" * 10_000,
    "-" * 10_000 + "1",
    "+".join(["1"] * (MOST_OPERATIONS + 2)),
    "abs(" * MOST_OPERATIONS + CPU + ")" * MOST_OPERATIONS + "+1",
)


@pytest.mark.parametrize("seen", [ALONE, AMONG], ids=["alone", "among"])
@pytest.mark.parametrize("query", HONEST + NARROWER + STRANGE_TEXT)
def test_every_selector_has_the_conditions_of_a_view(query: str, seen: Sight) -> None:
    written = confined_query(query, seen)
    assert written.isascii()
    assert written.isprintable()
    found = selectors_of(written)
    assert found
    assert all(is_confined(selector, seen) for selector in found), written


@pytest.mark.parametrize("seen", [ALONE, AMONG], ids=["alone", "among"])
@pytest.mark.parametrize("query", FORBIDDEN)
def test_metrics_of_the_platform_itself_are_for_its_administrators(query: str, seen: Sight) -> None:
    with pytest.raises(Forbidden, match="only a platform administrator may read it"):
        confined_query(query, seen)


@pytest.mark.parametrize("seen", [ALONE, AMONG], ids=["alone", "among"])
@pytest.mark.parametrize("query", REFUSED, ids=lambda query: query[:40])
def test_what_is_not_understood_is_refused_with_a_sentence(query: str, seen: Sight) -> None:
    with pytest.raises(Invalid) as refused:
        confined_query(query, seen)
    assert refused.value.message.endswith(".")
    assert len(refused.value.message) < 400


@pytest.mark.parametrize("query", ["1 + 1", "time()", "vector(1)", "NaN", "-Inf", '"text"', "pi() * 0x1F", "1e309"])
def test_what_reads_no_series_needs_no_confinement(query: str) -> None:
    assert selectors_of(confined_query(query, ALONE)) == []


def test_text_stays_text() -> None:
    hostile = '"} or up{a="'
    (selector,) = selectors_of(confined_query(f"{CPU}{{rank='{hostile}'}}", ALONE))
    assert next(matcher.value for matcher in selector.matchers.matchers if matcher.name == "rank") == hostile


def test_who_sees_two_kinds_of_jobs_reads_both_once() -> None:
    own, others = 'owner="alice",vc!~"default|team\\u005c-a"', 'vc=~"default|team\\u005c-a"'
    named = f'__name__="{CPU}"'
    assert confined_query(CPU, AMONG) == f"({{{named},{others}}} or {{{named},{own}}})"
    rate = f"(rate({{{named},{others}}}[300000ms]) or rate({{{named},{own}}}[300000ms]))"
    assert confined_query(f"rate({CPU}[5m])", AMONG) == rate
    absent = f"(absent({{{named},{others}}}) and on () absent({{{named},{own}}}))"
    assert confined_query(f"absent({CPU})", AMONG) == absent


def test_calls_within_calls_do_not_grow_without_end() -> None:
    query = CPU
    for _ in range(11):
        query = f"predict_linear({CPU}[1m], scalar({query}))"
    with pytest.raises(Invalid, match="too large"):
        confined_query(query, AMONG)


@pytest.mark.parametrize(("query", "points"), WORK, ids=lambda said: str(said)[:40])
def test_all_that_is_evaluated_for_one_query_is_bounded_together(query: str, points: int) -> None:
    with pytest.raises(Invalid, match="evaluated more than"):
        confined_query(query, ALONE, points)
    assert confined_query(query, ALONE, max(1, points // 50))


def test_a_subquery_without_a_step_is_written_with_the_one_that_is_counted() -> None:
    assert confined_query("max_over_time(vector(1)[1h:])", ALONE) == "max_over_time((vector(1.0))[3600000ms:15000ms])"
    with pytest.raises(Invalid, match="evaluated more than"):
        confined_query("max_over_time(vector(1)[1d:])", ALONE, 2_000)


def test_what_is_written_twice_counts_twice() -> None:
    query = f"quantile_over_time(scalar(max_over_time(vector(1)[6000s:1s])), {CPU}[5m])"
    assert confined_query(query, ALONE, 500)
    with pytest.raises(Invalid, match="evaluated more than"):
        confined_query(query, AMONG, 500)


@pytest.mark.parametrize("name", NAMES)
def test_dashboards_ask_for_less_than_there_may_be(name: str) -> None:
    for query in (query for panel in panels(name) for query in panel.asked("01JD8F2M5V7Q0R3S6T9W2X4Y0A")):
        try:
            confined_query(query, AMONG, MAX_POINTS)
        except Forbidden:  # of the platform's own metrics
            assert name != "jobyard-job"


def test_selectors_of_lists_are_confined_one_by_one() -> None:
    for matches in ((), ('{job_id="1"}',), (CPU, '{__name__=~".+"}'), ("jobyard_queue_jobs", MEMORY)):
        for seen in (ALONE, AMONG):
            written = confined_matches(matches, seen)
            assert written
            assert all(is_confined(selector, seen) for one in written for selector in selectors_of(one))


@pytest.mark.parametrize(
    "match", ["up", f"rate({CPU}[5m])", f"{CPU} offset 5m", f"{CPU}[5m]", "1", f"{CPU} or up", "{"]
)
def test_lists_take_selectors_of_jobs_alone(match: str) -> None:
    with pytest.raises(Refusal):
        confined_matches((CPU, match), AMONG)


def test_sight_is_what_the_table_of_rights_says() -> None:
    own = Condition("owner", "=", "alice")
    assert sight_of(Caller("root", True, {"lab": Role.MEMBER})) is None
    assert sight() == Sight(((own,),), ())
    assert sight(closed=("lab",)) == Sight(((own,),), ((Condition("vc", "=~", "lab"),),))
    among = (Condition("vc", "=~", "lab"),)
    assert sight(opened=("lab",)) == Sight((among, (own, Condition("vc", "!~", "lab"))), (among,))
    assert sight(leads=("lab",), closed=("lab",)).jobs[0] == among


def test_who_belongs_to_no_virtual_cluster_reads_none() -> None:
    with pytest.raises(Forbidden):
        confined_query("jobyard_queue_jobs", sight())


def test_series_of_virtual_clusters_are_those_that_name_no_job() -> None:
    assert "jobyard_queue_jobs" in VC_METRICS
    assert "jobyard_submit_to_start_seconds_bucket" in VC_METRICS
    assert not set(VC_METRICS) & set(JOB_METRICS)


def test_the_parser_is_loaded_with_the_first_question_alone() -> None:
    loaded = "import sys, services.gateway.app; sys.exit('promql_parser' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=False).returncode == 0
