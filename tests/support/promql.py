"""What a confined query reads, looked at from outside: its selectors, as another reading of its text finds them."""

import re
from typing import Any

import promql_parser as promql

from services.gateway.domain.access import Caller, Role
from services.gateway.domain.sight import JOB_METRICS, VC_METRICS, Condition, Sight, View, sight_of

OPERATORS = {"=": promql.MatchOp.Equal, "=~": promql.MatchOp.Re, "!~": promql.MatchOp.NotRe}


def sight(
    name: str = "alice", opened: tuple[str, ...] = (), closed: tuple[str, ...] = (), leads: tuple[str, ...] = ()
) -> Sight:
    """Of a member of open and of closed virtual clusters, and an administrator of some."""
    vcs = dict.fromkeys((*opened, *closed), Role.MEMBER) | dict.fromkeys(leads, Role.ADMIN)
    seen = sight_of(Caller(name, False, vcs, closed=frozenset(closed)))
    assert seen is not None
    return seen


ALONE = sight(closed=("lab",))
"""Sees the own jobs alone."""
AMONG = sight(opened=("default",), closed=("lab",), leads=("team-a",))
"""Sees the own jobs, and those of others in two virtual clusters."""


ILLEGAL = "illegal"
"""Stands for a regular expression that this reading cannot compile; the gateway leaves that to Prometheus."""
_PATTERN = re.compile(r'[=!]~("[^"]*")')
"""In what the gateway writes no string has a quote in it."""


def selectors_of(text: str) -> list[Any]:
    """Every selector of a query, wherever it stands."""
    found: list[Any] = []

    def visit(expr: Any) -> None:
        if isinstance(expr, promql.MatrixSelector):
            found.append(expr.vector_selector)
        elif isinstance(expr, promql.VectorSelector):
            found.append(expr)
        elif isinstance(expr, promql.Call):
            _each(visit, *expr.args)
        elif isinstance(expr, promql.AggregateExpr):
            _each(visit, expr.expr, *([] if expr.param is None else [expr.param]))
        elif isinstance(expr, promql.BinaryExpr):
            _each(visit, expr.lhs, expr.rhs)
        elif not isinstance(expr, promql.NumberLiteral | promql.StringLiteral):
            visit(expr.expr)

    try:
        expr = promql.parse(text)
    except ValueError as error:
        if "illegal regex" not in str(error):
            raise
        expr = promql.parse(_PATTERN.sub(_compiled, text))
    visit(expr)
    return found


def is_confined(selector: Any, seen: Sight) -> bool:
    """Whether a selector finds nothing but what is within sight."""
    if selector.name is not None or selector.matchers.or_matchers:
        return False
    matchers = selector.matchers.matchers
    names = [matcher.value for matcher in matchers if matcher.name == "__name__" and matcher.op == OPERATORS["="]]
    listed = [matcher.value for matcher in matchers if matcher.name == "__name__" and matcher.op == OPERATORS["=~"]]
    if names and names[0] in VC_METRICS:
        views = seen.vcs
    elif (names and names[0] in JOB_METRICS) or "|".join(JOB_METRICS) in listed:
        views = seen.jobs
    else:
        return False
    return any(_has(matchers, view) for view in views)


def _has(matchers: list[Any], view: View) -> bool:
    return all(any(_is(matcher, condition) for matcher in matchers) for condition in view)


def _is(matcher: Any, condition: Condition) -> bool:
    return (
        matcher.name == condition.label
        and matcher.op == OPERATORS[condition.op]
        and matcher.value == condition.value
        and condition.value != ""
    )


def _compiled(found: re.Match[str]) -> str:
    try:
        promql.parse(f"a{{b{found[0]}}}")
    except ValueError:
        return f'{found[0][:2]}"{ILLEGAL}"'
    return found[0]


def _each(visit: Any, *exprs: Any) -> None:
    for expr in exprs:
        visit(expr)
