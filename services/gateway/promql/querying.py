"""Questions of people to Prometheus: each is confined to what its asker may see before it goes out.

For a platform administrator a question goes out as it is. The parser is loaded with the first question of anybody else.
"""

import json
from dataclasses import dataclass

from services.gateway.domain.access import Caller
from services.gateway.domain.sight import Sight, sight_of
from services.gateway.promql.asking import Asked
from services.gateway.promql.known import LONGEST
from services.gateway.promql.prometheus import Parameters, Prometheus
from services.gateway.promql.text import LABEL
from shared.contracts.errors import Invalid
from shared.contracts.families import DROPPED, EXPORTED, REPORTED
from shared.contracts.instruments import INSTRUMENTS

DESCRIBED = (
    *((one.name, "counter" if one.counter else "gauge", one.help) for one in EXPORTED),
    (REPORTED, "gauge", "The last value that a job reported under `name`."),
    (DROPPED, "counter", "Values that a job reported and that were dropped."),
    *((one.name, one.kind, one.help) for one in INSTRUMENTS if "vc" in one.labels),
)
"""The metrics of which everybody may read some series, with their types."""


@dataclass(frozen=True)
class Querying:
    """What the routes ask. Raises Invalid, Forbidden, Unavailable, TooMany."""

    prometheus: Prometheus
    timeout_s: float

    async def query(self, caller: Caller, asked: Asked) -> bytes:
        """The value of an expression at one moment."""
        self.prometheus.check()
        when = asked.moments("time")
        return await self._evaluated(caller, "query", asked, when)

    async def query_range(self, caller: Caller, asked: Asked) -> bytes:
        """Its values over a range."""
        self.prometheus.check()
        span = asked.span()
        start, end, step = (float(span[name]) for name in ("start", "end", "step"))
        return await self._evaluated(caller, "query_range", asked, span, int((end - start) / step) + 1)

    async def series(self, caller: Caller, asked: Asked) -> bytes:
        """The series that selectors find."""
        self.prometheus.check()
        if not asked.matches():
            raise Invalid("match[]: is missing; say which series are meant.")
        return await self._listed(caller, "series", asked)

    async def labels(self, caller: Caller, asked: Asked) -> bytes:
        """The names of labels."""
        self.prometheus.check()
        return await self._listed(caller, "labels", asked)

    async def values(self, caller: Caller, asked: Asked, label: str) -> bytes:
        """The values of a label."""
        self.prometheus.check()
        if len(label) > LONGEST or not LABEL.fullmatch(label):
            raise Invalid("The name of a label has letters, digits and '_'. Check the address.")
        return await self._listed(caller, f"label/{label}/values", asked)

    async def metadata(self, caller: Caller, asked: Asked) -> bytes:
        """What metrics there are, with their types; asked of Prometheus for an administrator alone."""
        self.prometheus.check()
        metric, limit = asked.one("metric"), asked.limit()
        if sight_of(caller) is None:
            named = [("metric", metric)] if metric is not None else []
            return await self.prometheus.ask(caller.name, "metadata", [*named, *limit.items()])
        described = {
            name: [{"type": kind, "help": said, "unit": ""}] for name, kind, said in DESCRIBED if metric in (None, name)
        }
        return json.dumps({"status": "success", "data": described}).encode()

    async def build(self, caller: Caller) -> bytes:
        """Which version answers."""
        return await self.prometheus.ask(caller.name, "status/buildinfo", [])

    async def _evaluated(self, caller: Caller, path: str, asked: Asked, when: dict[str, str], points: int = 1) -> bytes:
        query = asked.needed("query")
        seen = sight_of(caller)
        confined = _short(query) if seen is None else _confined_query(query, seen, points)
        said = {"query": confined, **when, **asked.limit(), "timeout": f"{self.timeout_s:g}s"}
        return await self.prometheus.ask(caller.name, path, list(said.items()))

    async def _listed(self, caller: Caller, path: str, asked: Asked) -> bytes:
        matches, seen = asked.matches(), sight_of(caller)
        confined = tuple(map(_short, matches)) if seen is None else _confined_matches(matches, seen)
        rest = {**asked.moments("start", "end"), **asked.limit()}
        parameters: Parameters = [*(("match[]", one) for one in confined), *rest.items()]
        return await self.prometheus.ask(caller.name, path, parameters)


def _confined_query(query: str, seen: Sight, points: int) -> str:
    from services.gateway.promql.confining import confined_query

    return confined_query(query, seen, points)


def _confined_matches(matches: tuple[str, ...], seen: Sight) -> tuple[str, ...]:
    from services.gateway.promql.confining import confined_matches

    return confined_matches(matches, seen)


def _short(query: str) -> str:
    if len(query) > LONGEST:
        raise Invalid(f"A query has at most {LONGEST} characters. Ask for less in one query.")
    return query
