"""The question to Prometheus: it parses, asks for every family of this job alone, and keeps what tells lines apart."""

import promql_parser
import pytest

from services.metrics.domain.promql import expression, further, quoted
from shared.contracts.families import EXPORTED, JOB_LABELS, REPORTED
from tests.support.metrics_service import JOB


def selectors(node: object) -> list[promql_parser.VectorSelector]:
    """Every selector below this node of the parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    if isinstance(node, promql_parser.BinaryExpr):
        return [*selectors(node.lhs), *selectors(node.rhs)]
    if isinstance(node, promql_parser.Call):
        return [one for argument in node.args for one in selectors(argument)]
    if isinstance(node, promql_parser.AggregateExpr):
        return selectors(node.expr)
    if isinstance(node, promql_parser.ParenExpr):
        return selectors(node.expr)
    if isinstance(node, promql_parser.MatrixSelector):
        return selectors(node.vector_selector)
    return []


def test_every_family_and_what_the_job_reports_is_asked_for() -> None:
    found = selectors(promql_parser.parse(expression(JOB, 15.0)))
    gauges = {exported.name for exported in EXPORTED if not exported.counter}
    assert list(dict.fromkeys(one.name for one in found)) == [*(exported.name for exported in EXPORTED), REPORTED]
    assert len(found) == len(EXPORTED) + 1 + len(gauges), "gauges twice: over the step, and before it"


def test_no_selector_reaches_beyond_the_job() -> None:
    for one in selectors(promql_parser.parse(expression(JOB, 15.0))):
        assert [(matcher.name, matcher.value) for matcher in one.matchers.matchers] == [("job_id", JOB)]
        assert one.matchers.matchers[0].op == promql_parser.MatchOp.Equal


@pytest.mark.parametrize(
    ("step_s", "how"), [(1.0, "irate(#[60000ms])"), (60.0, "irate(#[60000ms])"), (90.5, "rate(#[90500ms])")]
)
def test_a_rate_is_that_of_the_last_scrapes_or_of_a_whole_longer_step(step_s: float, how: str) -> None:
    for exported in EXPORTED:
        selector = f'{exported.name}{{job_id="{JOB}"}}'
        assert (f" ({how.replace('#', selector)})" in expression(JOB, step_s)) == exported.counter


@pytest.mark.parametrize(("step_s", "window"), [(0.0005, "1ms"), (1.0, "1000ms"), (90.5, "90500ms")])
def test_a_gauge_is_the_largest_of_its_step_and_a_utilization_the_mean(step_s: float, window: str) -> None:
    for exported in EXPORTED:
        selector, over = f'{exported.name}{{job_id="{JOB}"}}', "avg" if exported.unit == "ratio" else "max"
        asked = f"({over}_over_time({selector}[{window}]) or {selector})"
        assert (asked in expression(JOB, step_s)) != exported.counter


def test_what_tells_the_lines_of_a_metric_apart_stays() -> None:
    text = expression(JOB, 15.0)
    for exported in EXPORTED:
        assert further(exported.name) == (exported.also[0] if exported.also else None)
        assert len(exported.also) <= 1, "a line has one label beside the job's"
        assert f"({', '.join(('rank', *exported.also))}) (" in text
    assert further(REPORTED) == "name"
    assert "rank" in JOB_LABELS


@pytest.mark.parametrize("text", ['"} or {__name__=~".+', "a\\", "a\nb", "\\n", 'x"', "é"])
def test_a_string_stays_a_string_whatever_is_in_it(text: str) -> None:
    parsed = promql_parser.parse(f"metric{{job_id={quoted(text)}}}")
    assert isinstance(parsed, promql_parser.VectorSelector)
    assert [matcher.value for matcher in parsed.matchers.matchers] == [text]
