"""A query or a selector as a person wrote it, confined to what the person may see.

Every text is looked through (`scanning`), read by one parser and written anew (`rewriting`); what cannot be read is
refused, never passed on.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from promql_parser import VectorSelector, parse

from services.gateway.domain.sight import Sight
from services.gateway.promql.known import LONGEST
from services.gateway.promql.rewriting import Rewriting
from services.gateway.promql.scanning import Scanned, check_patterns, scanned, shown
from services.gateway.promql.selectors import all_of_jobs, confined
from shared.contracts.errors import Invalid

COMPLAINT_CHARS = 200
PANIC = "PanicException"
"""What the parser raises where it fails by its own fault; it is no Exception, and cannot be imported."""
os.environ["RUST_BACKTRACE"] = "0"


def confined_query(query: str, sight: Sight, points: int = 1) -> str:
    """The query, asked at so many points, that reads only what is within sight. Raises Invalid, Forbidden."""
    with _readable():
        return Rewriting(sight, points).written(parse(scanned(query).text))


def confined_matches(matches: Sequence[str], sight: Sight) -> tuple[str, ...]:
    """Selectors of series, of which a series meets one; without any, all that is within sight of jobs.

    Raises Invalid, Forbidden.
    """
    if not matches:
        return all_of_jobs(sight)
    if sum(map(len, matches)) > LONGEST:
        raise Invalid(f"All match[] together have at most {LONGEST} characters. Ask for fewer at once.")
    looked_through = [scanned(match) for match in matches]
    check_patterns(sum(one.patterns for one in looked_through))
    with _readable():
        return tuple(one for match in looked_through for one in confined(_selector(match), sight, needs_name=False))


def _selector(match: Scanned) -> VectorSelector:
    expr = parse(match.text)
    if not isinstance(expr, VectorSelector) or expr.offset is not None or expr.at is not None:
        raise Invalid("match[] takes a selector alone, for example jobyard_job_cpu_seconds_total{rank='0'}.")
    return expr


@contextmanager
def _readable() -> Iterator[None]:
    """Raises Invalid for what the parser cannot read, be it that it says so, or that it fails over a moment or a
    duration that is too large for it.
    """
    try:
        yield
    except (ValueError, OverflowError) as error:
        raise Invalid(f"This is no PromQL that is known here: {shown(str(error))[:COMPLAINT_CHARS]}.") from None
    except BaseException as error:
        if type(error).__name__ != PANIC:
            raise
        raise Invalid("This is no PromQL that is known here: a moment or a duration in it is too large.") from None
