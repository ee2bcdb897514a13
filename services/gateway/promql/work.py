"""How much Prometheus is asked to do for one query: all that is evaluated, counted over the whole of it.

An expression is evaluated once for each point of the asked range, within a subquery once more for each of the
subquery's, and once per copy where a call is written several times. A minute of samples counts like one evaluation.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.contracts.errors import Invalid

MOST = 10_000_000
"""Evaluations of a whole query."""
MOST_POINTS = 11_000
"""The most moments that a subquery may be evaluated at for one point, with those of the subqueries within it."""


class Work:
    """Of one query that is asked at this many points."""

    def __init__(self, points: int) -> None:
        self._times = float(points)
        self._nested = 1.0
        self._done = 0.0

    def evaluated(self, samples: timedelta = timedelta()) -> None:
        """One expression, that looks at so much time of samples. Raises Invalid when it is too much in all."""
        self._done += self._times * max(1.0, samples / timedelta(minutes=1))
        if self._done > MOST:
            raise Invalid(
                f"This query is evaluated more than {MOST:,} times, with its range, its subqueries and their samples. "
                "Ask for a shorter range or longer steps."
            )

    @contextmanager
    def subquery(self, span: timedelta, step: timedelta) -> Iterator[None]:
        """What is within it is evaluated at each of its points. Raises Invalid when there are too many."""
        points = max(1.0, span / step)
        nested, self._nested = self._nested, self._nested * points
        if self._nested > MOST_POINTS:
            raise Invalid(f"Subqueries have at most {MOST_POINTS} points. Ask for a shorter range or longer steps.")
        with self.times(points):
            yield
        self._nested = nested

    @contextmanager
    def times(self, count: float) -> Iterator[None]:
        """What is within is evaluated this many times."""
        before, self._times = self._times, self._times * count
        yield
        self._times = before
