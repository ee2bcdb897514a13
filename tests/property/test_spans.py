"""Whatever is asked of a job's METRICS, the span that is meant can be drawn, or the refusal names a parameter."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.spans import SHORTEST_S, Life, Span, span
from shared.contracts.errors import Invalid
from shared.contracts.metrics import MAX_POINTS

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

moments = (
    st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
    | st.floats(allow_nan=False).map(str)
    | st.integers().map(str)
    | st.from_regex(r"-[0-9]{1,10}[smhdwy]", fullmatch=True)
    | st.just("now")
    | st.text(max_size=40)
)
steps = (
    st.floats().map(str) | st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,6})?[smhdw]?", fullmatch=True) | st.text(max_size=20)
)
ages = st.floats(min_value=0, max_value=1e9)


def meant(of: Life, *asked: str | None) -> Span | Invalid:
    try:
        return span(of, NOW, *asked)
    except Invalid as refused:
        return refused


@given(st.none() | moments, st.none() | moments, st.none() | steps, ages, st.none() | ages)
def test_a_span_can_be_drawn_or_is_refused_by_name(
    start: str | None, end: str | None, step: str | None, age: float, lasted: float | None
) -> None:
    began = NOW - timedelta(seconds=age)
    ended = None if lasted is None else min(began + timedelta(seconds=lasted), NOW)
    found = meant(Life(began, ended), start, end, step)
    if isinstance(found, Invalid):
        assert {error.field for error in found.errors} <= {"start", "end", "step"}
        assert [start, end, step] != [None] * 3, "what is meant by itself can always be drawn"
        return
    assert found.start < found.end and found.step_s >= SHORTEST_S
    assert (found.end - found.start).total_seconds() / found.step_s + 1 <= MAX_POINTS
    assert found.start.tzinfo is not None and found.end.tzinfo is not None
