"""A query, read and written anew so that it reads nothing but what its asker may see.

Every selector is replaced by the ones that `selectors` makes of it, one per view of the asker, joined by `or`. Ranges
cannot be joined, so there the whole call is: `rate(x[5m])` becomes `(rate(x{first view}[5m]) or rate(x{second}[5m]))`.
The views do not overlap, so both mean the same as the call over all that may be seen.

What is written holds only what this module knows: a kind of expression, an operator or a function that it does not
know is refused. The rest of what is written comes from `text`, never from the asker's own words.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import promql_parser as promql

from services.gateway.domain.sight import Sight
from services.gateway.promql import text
from services.gateway.promql.known import AGGREGATIONS, FUNCTIONS, OPERATORS
from services.gateway.promql.scanning import shown
from services.gateway.promql.selectors import confined
from services.gateway.promql.work import Work
from shared.contracts.errors import Invalid

STEP = timedelta(seconds=15)
"""Of a subquery that says none: always said to Prometheus, whose own could be shorter than what is counted."""
LONGEST_WRITTEN = 1 << 18
"""A call over ranges within another one is written several times."""

_LOOKS_AT_SAMPLES = frozenset({"timestamp"})
"""Functions of a selector's samples, which mean another thing for what `or` makes of them."""
_OF_NOTHING = frozenset({"absent", "absent_over_time"})
"""Functions that have a result where nothing is seen: in every view."""


class Rewriting:
    """One query that is asked at so many points, for somebody with this sight."""

    def __init__(self, sight: Sight, points: int) -> None:
        self._sight = sight
        self._work = Work(points)

    def written(self, expr: promql.Expr) -> str:
        """The expression, confined. Raises Invalid, Forbidden."""
        self._work.evaluated()
        for kind, write in self._kinds():
            if isinstance(expr, kind):
                return _bounded(write(expr))
        raise Invalid("A part of this query is not known here. Write it in another way.")

    def _kinds(self) -> tuple[tuple[type, Callable[..., str]], ...]:
        return (
            (promql.VectorSelector, self._selector),
            (promql.Call, self._call),
            (promql.AggregateExpr, self._aggregate),
            (promql.BinaryExpr, self._binary),
            (promql.ParenExpr, lambda expr: self.written(expr.expr)),
            (promql.UnaryExpr, lambda expr: f"(-{self.written(expr.expr)})"),
            (promql.SubqueryExpr, self._subquery),
            (promql.NumberLiteral, lambda expr: text.number(expr.val)),
            (promql.StringLiteral, lambda expr: text.pattern(shown(expr.val))),
            (promql.MatrixSelector, _bare_range),
        )

    def _selector(self, selector: promql.VectorSelector) -> str:
        return _joined(self._instants(selector))

    def _instants(self, selector: promql.VectorSelector) -> list[str]:
        return [f"{braces}{_when(selector)}" for braces in confined(selector, self._sight)]

    def _ranges(self, matrix: promql.MatrixSelector) -> list[str]:
        selector, span = matrix.vector_selector, text.duration(matrix.range)
        ranges = [f"{braces}[{span}]{_when(selector)}" for braces in confined(selector, self._sight)]
        with self._work.times(len(ranges)):
            self._work.evaluated(matrix.range)
        return ranges

    def _call(self, call: promql.Call) -> str:
        name = call.func.name
        if name not in FUNCTIONS:
            raise Invalid(f"The function {name}() can't be asked for here.")
        arguments = [_unwrapped(argument) for argument in call.args]
        for place, argument in enumerate(arguments):
            if isinstance(argument, promql.MatrixSelector):
                parts = self._ranges(argument)
            elif isinstance(argument, promql.VectorSelector) and name in _LOOKS_AT_SAMPLES | _OF_NOTHING:
                parts = self._instants(argument)
            else:
                continue
            with self._work.times(len(parts)):
                before, after = (self._arguments(some) for some in (arguments[:place], arguments[place + 1 :]))
            calls = [f"{name}({', '.join((*before, part, *after))})" for part in parts]
            return _all_of(calls) if name in _OF_NOTHING else _joined(calls)
        return f"{name}({', '.join(self._arguments(arguments))})"

    def _arguments(self, arguments: Sequence[promql.Expr]) -> list[str]:
        return [self.written(argument) for argument in arguments]

    def _aggregate(self, expr: promql.AggregateExpr) -> str:
        op = str(expr.op)
        if op not in AGGREGATIONS:
            raise Invalid(f"The aggregation {op[:80]} can't be asked for here.")
        modifier = ""
        if expr.modifier is not None:
            word = "by" if expr.modifier.type == promql.AggModifierType.By else "without"
            modifier = f" {word} {text.labels(expr.modifier.labels)} "
        parameters = [] if expr.param is None else [self.written(expr.param)]
        return f"{op}{modifier}({', '.join((*parameters, self.written(expr.expr)))})"

    def _binary(self, expr: promql.BinaryExpr) -> str:
        op = str(expr.op)
        if op not in OPERATORS:
            raise Invalid(f"The operator {op[:80]} can't be asked for here.")
        return f"({self.written(expr.lhs)} {op}{_matching(expr.modifier)} {self.written(expr.rhs)})"

    def _subquery(self, expr: promql.SubqueryExpr) -> str:
        step = expr.step or STEP
        with self._work.subquery(expr.range or timedelta(), step):
            inner = self.written(expr.expr)
        span = text.duration(expr.range or timedelta())
        return f"({inner})[{span}:{text.duration(step)}]{_when(expr)}"


def _unwrapped(expr: promql.Expr) -> promql.Expr:
    while isinstance(expr, promql.ParenExpr):
        expr = expr.expr
    return expr


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({' or '.join(parts)})"


def _all_of(parts: Sequence[str]) -> str:
    """Nothing is there where nothing is in any view; the labels of the result are those of the first."""
    return parts[0] if len(parts) == 1 else f"({' and on () '.join(parts)})"


def _bare_range(_: promql.MatrixSelector) -> str:
    raise Invalid("A range of samples can only be asked for within a function, for example rate(...[5m]).")


def _when(expr: promql.VectorSelector | promql.SubqueryExpr) -> str:
    """The moment and the offset of what is selected."""
    said = ""
    if expr.at is not None:
        said += f" @ {_moment(expr.at)}"
    if expr.offset is not None:
        said += f" offset {text.duration(expr.offset)}"
    return said


def _moment(at: promql.AtModifier) -> str:
    if at.type == promql.AtModifierType.Start:
        return "start()"
    if at.type == promql.AtModifierType.End:
        return "end()"
    if at.at is None:
        raise Invalid("The moment after '@' can't be asked for here.")
    return text.moment(at.at.timestamp())


def _matching(modifier: promql.BinModifier | None) -> str:
    """How the two sides of an operator find each other."""
    if modifier is None:
        return ""
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise Invalid("'fill' can't be asked for here.")
    said = " bool" if modifier.return_bool else ""
    if modifier.matching is not None:
        word = "on" if modifier.matching.type == promql.LabelModifierType.Include else "ignoring"
        said += f" {word} {text.labels(modifier.matching.labels)}"
    for card, word in (
        (promql.VectorMatchCardinality.ManyToOne, "group_left"),
        (promql.VectorMatchCardinality.OneToMany, "group_right"),
    ):
        if modifier.card == card:
            said += f" {word} {text.labels(modifier.group_labels or [])}"
    return said


def _bounded(written: str) -> str:
    if len(written) > LONGEST_WRITTEN:
        raise Invalid("This query is too large once it is confined to your jobs. Ask for less in one query.")
    return written
