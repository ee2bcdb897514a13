"""Whatever a query says, what is written of it reads nothing but what its asker may see, or it is refused."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.gateway.domain.sight import JOB_METRICS, VC_METRICS, Sight
from services.gateway.promql.confining import confined_matches, confined_query
from services.gateway.promql.known import AGGREGATIONS, FUNCTIONS, OPERATORS
from services.gateway.promql.scanning import scanned
from shared.contracts.errors import Forbidden, Invalid
from tests.support.promql import ILLEGAL, is_confined, selectors_of, sight

METRICS = st.sampled_from([*JOB_METRICS, *VC_METRICS, "up", "ALERTS", "sum"])
LABELS = st.sampled_from(["owner", "vc", "job_id", "rank", "__name__", "device", "a label"])
TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(['"', "\\", '"} or up{a="', "`", "'", "\n", ".*", "up|.*", "(", "[^a]", *JOB_METRICS]),
)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,8}", fullmatch=True)
VCS = st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True), max_size=3).map(tuple)
SIGHTS = st.builds(sight, NAMES, VCS, VCS, VCS)
SPANS = st.sampled_from(["5m", "1h30m", "1ms", "300", "1e300", "NaN", "9999y"])
WORDS = st.sampled_from(
    """
    ( ) { } [ ] : , @ # + - * / % ^ = =~ != !~ == bool by without on ignoring group_left offset or and unless start()
    end() 1 1e400 0x1F 5m fill info rate sum é
    """.split()
)


def quoted(value: str) -> str:
    """As a person would write it in one of the three ways; a value may end it too soon."""
    if "`" not in value:
        return f"`{value}`"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


MATCHERS = st.builds(
    lambda label, op, value: f"{label}{op}{value}",
    LABELS,
    st.sampled_from(["=", "!=", "=~", "!~"]),
    st.one_of(TEXT.map(quoted), TEXT.map(lambda value: f'"{value}"')),
)
SELECTORS = st.builds(
    lambda name, matchers: f"{name}{{{','.join(matchers)}}}",
    st.one_of(METRICS, st.just("")),
    st.lists(MATCHERS, max_size=3),
)


OF_RANGES = st.sampled_from(["rate", "increase", "avg_over_time", "last_over_time", "absent_over_time", "changes"])
OF_VECTORS = st.sampled_from(["abs", "absent", "timestamp", "sort", "ceil", "hour", "ln"])
LIKELY = st.builds(
    lambda name, label, op, text: f"{name}{{{label}{op}{quoted(text)}}}",
    st.sampled_from([*JOB_METRICS, *VC_METRICS]),
    st.sampled_from(["owner", "vc", "job_id", "device"]),
    st.sampled_from(["=", "!="]),
    TEXT,
)


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Queries around queries, most of which are right."""
    moments = st.sampled_from(["start()", "end()", "1e9", "-1e11", "NaN"])
    return st.one_of(
        st.builds(lambda name, one, span: f"{name}({one}[{span}])", OF_RANGES, LIKELY, SPANS),
        st.builds(lambda name, one, span: f"{name}(({one})[{span}:1m])", OF_RANGES, inner, SPANS),
        st.builds(lambda one, span: f"{one} offset {span}", LIKELY, SPANS),
        st.builds(lambda one, at: f"{one} @ {at}", LIKELY, moments),
        st.builds(lambda name, one: f"{name}({one})", OF_VECTORS, inner),
        st.builds(lambda one, two: f"predict_linear({one}[5m], scalar({two}))", LIKELY, inner),
        st.builds(lambda name, one, two: f"{name}({one}, {two})", st.sampled_from(sorted(FUNCTIONS)), inner, inner),
        st.builds(lambda op, one: f"{op}({one})", st.sampled_from(["sum", "max", "count", "group"]), inner),
        st.builds(lambda op, one: f"{op}(3, {one}) by (owner)", st.sampled_from(sorted(AGGREGATIONS)), inner),
        st.builds(lambda a, op, b: f"({a}) {op} ({b})", inner, st.sampled_from(sorted(OPERATORS)), inner),
        st.builds(lambda a, b: f"({a}) * on (vc) group_left (owner) ({b})", inner, inner),
        inner.map(lambda one: f"(-{one})"),
        st.builds(lambda one, text: f'label_replace({one}, "owner", {quoted(text)}, "vc", ".*")', inner, TEXT),
    )


RIGHT = st.recursive(LIKELY, larger, max_leaves=6)
QUERIES = st.one_of(
    RIGHT,
    st.recursive(SELECTORS, larger, max_leaves=4),
    st.lists(st.one_of(WORDS, METRICS, TEXT, SELECTORS), max_size=12).map(" ".join),
    st.lists(st.one_of(WORDS, METRICS, TEXT, SELECTORS), max_size=12).map("".join),
)


def check(written: str, seen: Sight) -> None:
    assert written.isascii()
    assert written.isprintable()
    for selector in selectors_of(written):
        assert is_confined(selector, seen), written


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(QUERIES, SIGHTS)
def test_each_selector_of_what_is_written_has_the_conditions_of_a_view(query: str, seen: Sight) -> None:
    try:
        written = confined_query(query, seen)
    except (Invalid, Forbidden):
        return
    check(written, seen)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(SELECTORS, QUERIES), max_size=3), SIGHTS)
def test_the_same_of_selectors_in_lists(matches: list[str], seen: Sight) -> None:
    try:
        written = confined_matches(matches, seen)
    except (Invalid, Forbidden):
        return
    for one in written:
        check(one, seen)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RIGHT, SIGHTS)
def test_what_is_written_once_can_be_read_and_stays_as_confined(query: str, seen: Sight) -> None:
    try:
        again = confined_query(confined_query(query, seen), seen)
    except (Invalid, Forbidden):
        return
    check(again, seen)


PIECES = st.sampled_from(
    ["=~", "!~", "~", '"', "'", "`", "\\", "#", "\n", "{", "}", "a", "=", ",", " ", '"\\w{900}"', "@", "[5m]"]
)
TANGLED = st.lists(PIECES, max_size=40).map("".join)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(TANGLED, TANGLED.map(lambda inner: f"{JOB_METRICS[0]}{{{inner}}}"), QUERIES))
def test_the_parser_is_given_no_regular_expression_and_little_more_than_was_asked(query: str) -> None:
    try:
        read = scanned(query)
    except Invalid:
        return
    assert "~" not in read.text
    assert len(read.text) <= 2 * len(query) + 20 * (read.patterns + query.count("~"))


@settings(max_examples=600, deadline=None)
@given(st.one_of(TANGLED.map(lambda inner: f"{JOB_METRICS[0]}{{{inner}}}"), QUERIES), SIGHTS)
def test_whatever_is_taken_for_a_string_it_is_confined_all_the_same(query: str, seen: Sight) -> None:
    try:
        written = confined_query(query, seen)
    except (Invalid, Forbidden):
        return
    check(written, seen)


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=30), st.sampled_from(["=~", "!~"]))
def test_a_regular_expression_arrives_as_it_was_asked(pattern: str, operator: str) -> None:
    try:
        (selector,) = selectors_of(confined_query(f"{JOB_METRICS[0]}{{rank{operator}{quoted(pattern)}}}", sight()))
    except Invalid:
        return
    (asked,) = (matcher for matcher in selector.matchers.matchers if matcher.name == "rank")
    assert asked.value in (pattern, ILLEGAL)
