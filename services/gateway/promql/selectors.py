"""Selectors of series, confined: each is written once per view, with the view's conditions added to its own.

Conditions within braces all have to be met, so whatever a person asks of `owner` or `vc` can only narrow a view. The
metric is always named by a condition on `__name__`, and is always one whose series bear these labels.
"""

from collections.abc import Iterable

from promql_parser import Matcher, MatchOp, VectorSelector

from services.gateway.domain.sight import JOB_METRICS, VC_METRICS, Condition, Sight, View
from services.gateway.promql import text
from services.gateway.promql.scanning import is_pattern, shown
from shared.contracts.errors import Forbidden, Invalid

NAME = "__name__"
OPERATORS = ((MatchOp.Equal, "=", "=~"), (MatchOp.NotEqual, "!=", "!~"))
"""Of plain values and of patterns; the parser meets none of the latter (`scanning`)."""
AMONG_JOBS = f"{NAME}=~{text.string('|'.join(JOB_METRICS))}"


def all_of_jobs(sight: Sight) -> tuple[str, ...]:
    """Everything of jobs that is within sight, in braces, once per view."""
    return tuple(_braces((AMONG_JOBS,), view) for view in sight.jobs)


def confined(selector: VectorSelector, sight: Sight, *, needs_name: bool = True) -> tuple[str, ...]:
    """The selector in braces, once per view; without its offset and moment.

    Raises Invalid for one that cannot be confined or, where it `needs_name`, names no metric, and Forbidden for a
    metric that is neither of jobs nor of virtual clusters. A pattern of names finds those of jobs alone.
    """
    matchers = selector.matchers
    if matchers.or_matchers:
        raise Invalid("'or' within braces can't be asked for here. Ask for each side, with 'or' between the two.")
    asked = tuple(_condition(matcher) for matcher in matchers.matchers)
    name = _name(selector, matchers.matchers)
    views = sight.jobs
    if name is not None:
        views = _views_of(name, sight)
        named: tuple[str, ...] = () if selector.name is None else (f"{NAME}={text.string(name)}",)
    elif needs_name and not any(matcher.name == NAME for matcher in matchers.matchers):
        raise Invalid(f"Say which metric is meant, for example {JOB_METRICS[0]}{{...}}.")
    else:
        named = (AMONG_JOBS,)
    return tuple(_braces((*named, *asked), view) for view in views)


def _name(selector: VectorSelector, matchers: Iterable[Matcher]) -> str | None:
    """The one metric that is asked for, if it is one by its name."""
    if selector.name is not None:
        return shown(selector.name)
    named = (matcher.value for matcher in matchers if matcher.name == NAME and matcher.op == MatchOp.Equal)
    return next((shown(value) for value in named if not is_pattern(value)), None)


def _views_of(name: str, sight: Sight) -> tuple[View, ...]:
    if name in JOB_METRICS:
        return sight.jobs
    if name in VC_METRICS and sight.vcs:
        return sight.vcs
    raise Forbidden(
        f"{name[:80]!r} is neither of jobs nor of your virtual clusters; only a platform administrator may read it. "
        "What there is for you is in the list of metrics (/api/v1/prometheus/api/v1/metadata)."
    )


def _condition(matcher: Matcher) -> str:
    plain, of_pattern = next((plain, of_pattern) for op, plain, of_pattern in OPERATORS if op == matcher.op)
    label, value = text.label(matcher.name), shown(matcher.value)
    if is_pattern(matcher.value):
        return f"{label}{of_pattern}{text.pattern(value)}"
    return f"{label}{plain}{text.string(value)}"


def _braces(conditions: tuple[str, ...], view: View) -> str:
    return f"{{{','.join((*conditions, *map(_written, view)))}}}"


def _written(condition: Condition) -> str:
    return f"{condition.label}{condition.op}{text.string(condition.value)}"
