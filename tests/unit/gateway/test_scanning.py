"""What the parser is given of a query: none of its regular expressions, and no number that it fails over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.gateway.promql.confining import confined_matches, confined_query
from services.gateway.promql.known import LONGEST, MOST_PATTERNS
from services.gateway.promql.scanning import scanned
from shared.contracts.errors import Invalid, Refusal
from tests.support.promql import ALONE
from tests.support.queries import CPU

ROOT = Path(__file__).parents[3]


def many(pattern: str, count: int) -> str:
    matchers = ",".join([f'a=~"{pattern}"'] * count)
    return f"{CPU}{{{matchers}}}"


TOO_MUCH = (
    many(r"\\w{900}", 120),
    many(r"\\w{900}", 480),
    many(r"\\pL{1000}", 400),
    many(".{9000}", 500),
    many("a", MOST_PATTERNS + 1),
    many(".{51}", 1),
    many("(a{20}){31}", 1),
    many("a{2}b{2,49}", 1),
    many("a{9999999999999999999}", 1),
    many(r"a\x7b51\175", 1),
    f'{CPU}{{a!~"b{{51,}}"}}',
    f"{CPU}{{a=~'b{{51}}'}}",
    f"{CPU}{{a=~`b{{51}}`}}",
    f'{CPU}{{a=~ # "\n "b{{51}}"}}',
    f'{CPU}{{b="\\"",a=~"b{{51}}"}}',
    f'label_replace({CPU}, "a", "$1", "b", "(.{{1000}})")',
)
TOO_FAR = (
    "@ -9e30",
    "@ - 9e30",
    "@-1",
    "@ 9e300",
    "@ 253402300800",
    "@ 0xffffffffffff",
    "@ NaN",
    "@ +Inf",
    "@ # a comment\n -9e30",
    "@ 1e-99999",
    "offset 1e300",
    "offset -1e300",
    "OFFSET NaN",
    "offset 1_000_000_000",
    "offset # [\n 1e19",
)


@pytest.mark.parametrize("query", TOO_MUCH, ids=lambda query: query[30:60])
def test_regular_expressions_are_few_and_small(query: str) -> None:
    with pytest.raises(Invalid, match="regular expression"):
        confined_query(query, ALONE)


@pytest.mark.parametrize("said", TOO_FAR)
def test_moments_and_durations_that_are_too_far_are_refused_before_they_are_read(said: str) -> None:
    with pytest.raises(Invalid):
        scanned(f"{CPU} {said}")


@pytest.mark.parametrize("span", ["1e300", "1e19", "5m:1e300", "5m: 9e9", "0xfffffffffff", "NaN"])
def test_the_same_of_ranges(span: str) -> None:
    with pytest.raises(Invalid):
        scanned(f"max_over_time({CPU}[{span}])")


@pytest.mark.parametrize(
    "query",
    [
        many(r"\\w{50}", MOST_PATTERNS),
        f"{CPU}{{a=~\"x\",b!~`y`,c=~'z'}}",
        f'{CPU}{{a="~",b=~"~{"~" * 900}",c!~"=~"}}',
        f'{CPU}{{a="\\"",b=~"\\\\"}} # =~ "',
        f"{CPU}{{a=~`\\`, b=~'#\"'}}",
        f'{CPU}{{a="b',
        f'{CPU}{{a=~"b\\',
        f"{CPU}{{a=~`b",
        '"' + "\\" * (LONGEST - 1),
    ],
    ids=lambda query: query[30:60],
)
def test_the_parser_meets_no_regular_expression(query: str) -> None:
    assert "~" not in scanned(query).text


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ('rank=~"0|1"', 'rank=~"0|1"'),
        ("rank!~`a~b`", 'rank!~"a~b"'),
        ("rank='~'", 'rank="~"'),
        (r"rank=~`\d+\.\pL`,device=`\n`", r'rank=~"\u005cd+\u005c.\u005cpL",device="\u005cn"'),
        ('rank=`"} or up{\n~`', r'rank="\u0022} or up{\u000a~"'),
        ('rank!="~~"', 'rank!="~~"'),
        ('rank = "a" # =~\n, device =~ # "\n "b"', 'rank="a",device=~"b"'),
        ('rank="=~",device!~"#"', 'rank="=~",device!~"#"'),
        ("rank=\"\\\"=~'\",device=~''", 'rank="\\u0022=~\'",device=~""'),
        ('rank=~"("', 'rank=~"("'),
    ],
)
def test_what_is_asked_by_a_regular_expression_is_asked_so_of_prometheus(asked: str, written: str) -> None:
    named = f'{{__name__="{CPU}",'
    assert confined_query(f"{CPU}{{{asked}}}", ALONE) == f'{named}{written},owner="alice"}}'


def test_a_refusal_shows_what_was_asked_and_no_more() -> None:
    for query in ('{__name__="a~b"}', f'sum by ("a~b") ({CPU})', f'{CPU}{{"a~b"=~"x~"}}'):
        with pytest.raises(Refusal, match="a~b"):
            confined_query(query, ALONE)
    with pytest.raises(Invalid, match=r"set twice: '[a-z_]+' or 'x~'"):
        confined_query(f'{CPU}{{__name__=~"x~"}}', ALONE)


def test_selectors_of_a_list_count_together() -> None:
    few = ('{job_id=~"1"}',) * MOST_PATTERNS
    assert len(confined_matches(few, ALONE)) == MOST_PATTERNS
    with pytest.raises(Invalid, match="regular expressions"):
        confined_matches((*few, '{job_id=~"1"}'), ALONE)
    with pytest.raises(Invalid, match="together"):
        confined_matches((f'{{a="{"b" * (LONGEST // 2)}"}}',) * 2, ALONE)


def test_where_the_parser_fails_by_its_own_fault_it_leaves_no_trace_of_calls() -> None:
    program = (
        "from services.gateway.promql import confining\nwith confining._readable(): confining.parse('a offset NaN')"
    )
    said = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"RUST_BACKTRACE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Invalid" in said.stderr
    assert "stack backtrace" not in said.stderr
