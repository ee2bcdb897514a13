"""Who sees what was used, as which lines, and what is refused without asking anybody."""

import csv
import io
from datetime import date
from typing import Any

import pytest

from services.gateway.domain.access import Role
from services.gateway.domain.usage import SUMS
from services.gateway.usage import MOST_ROWS
from shared.contracts.commands.metrics import USAGE
from shared.contracts.metrics import AskUsage, UsagePage, UsageRow
from tests.support.gateway import START, Gateway

DAY = START.date()
NEXT = DAY.replace(day=2)


def row(owner: str = "ada", vc: str = "default", device_type: str = "v100", day: date = DAY, **sums: Any) -> UsageRow:
    fields = {"runs": 1, "device_hours": 4.0, "idle_hours": 1.0, "cpu_hours": 0.5, **sums}
    return UsageRow(day=day, vc=vc, owner=owner, device_type=device_type, **fields)


ROWS = (
    row("ada"),
    row("ada", "lab"),
    row("ada", "lab", "cpu"),
    row("bob"),
    row("bob", "lab"),
    row("bob", "lab", day=NEXT),
)


@pytest.fixture
async def usage(yard: Gateway) -> Gateway:
    """A metrics service in memory, which pages two by two; vera administers `lab`, ada and bob are members."""

    def answer(ask: AskUsage) -> UsagePage:
        chosen = [
            one
            for one in ROWS
            if ask.first <= one.day <= ask.last
            and (ask.vcs is None or one.vc in ask.vcs)
            and ask.owner in (None, one.owner)
        ]
        begin = int(ask.after or 0)
        after = str(begin + 2) if begin + 2 < len(chosen) else None
        return UsagePage(rows=tuple(chosen[begin : begin + 2]), after=after)

    yard.bus.answers[USAGE.subject] = answer
    for name in ("ada", "bob"):
        await yard.add_account(name, ("default", "lab"))
    await yard.add_account("vera", {"lab": Role.ADMIN, "default": Role.MEMBER})
    return yard


async def items(yard: Gateway, query: str = "", name: str = "admin") -> list[dict[str, Any]]:
    answer = await yard.call("GET", f"/usage?last=2026-01-31&{query}", name)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def whose(yard: Gateway, query: str = "", name: str = "admin") -> set[tuple[str, str]]:
    return {(line["vc"], line["owner"]) for line in await items(yard, query, name)}


EVERYTHING = {("default", "ada"), ("lab", "ada"), ("default", "bob"), ("lab", "bob")}


@pytest.mark.parametrize(
    ("name", "query", "seen"),
    [
        ("admin", "", EVERYTHING),
        ("admin", "vc=lab&owner=bob", {("lab", "bob")}),
        ("admin", "vc=nowhere", set()),
        ("ada", "", {("default", "ada"), ("lab", "ada")}),
        ("ada", "owner=ada&vc=lab", {("lab", "ada")}),
        ("ada", "vc=lab", {("lab", "ada")}),
        ("ada", "vc=nowhere", set()),
        ("vera", "", {("lab", "ada"), ("lab", "bob")}),
        ("vera", "vc=lab", {("lab", "ada"), ("lab", "bob")}),
        ("vera", "owner=bob", {("lab", "bob")}),
        ("vera", "vc=default", set()),
        ("vera", "owner=vera", set()),
    ],
)
async def test_one_sees_the_own_rows_those_of_vcs_that_one_administers_or_as_administrator_all(
    usage: Gateway, name: str, query: str, seen: set[tuple[str, str]]
) -> None:
    assert await whose(usage, query, name) == seen


@pytest.mark.parametrize(
    ("name", "query"), [("ada", "owner=bob"), ("ada", "owner=bob&vc=lab"), ("vera", "owner=bob&vc=default")]
)
async def test_what_others_have_used_is_refused_without_asking_anybody(usage: Gateway, name: str, query: str) -> None:
    answer = await usage.call("GET", f"/usage?{query}", name)
    assert answer.status_code == 403
    assert "Leave `owner` out" in answer.json()["detail"]
    assert not any(isinstance(ask, AskUsage) for ask in usage.bus.asked)


async def test_a_row_that_a_member_may_not_see_is_left_out_even_if_it_was_answered(usage: Gateway) -> None:
    usage.bus.answers[USAGE.subject] = lambda ask: UsagePage(rows=ROWS)
    assert await whose(usage, name="ada") == {("default", "ada"), ("lab", "ada")}


async def test_lines_add_up_what_is_not_told_apart_and_never_types_of_devices(usage: Gateway) -> None:
    (cpu, gpu) = await items(usage, "group=")
    assert (cpu["device_type"], cpu["device_hours"], gpu["device_type"]) == ("cpu", 4.0, "v100")
    assert (gpu["runs"], gpu["device_hours"], gpu["idle_hours"], gpu["cpu_hours"]) == (5, 20.0, 5.0, 2.5)
    assert (gpu["day"], gpu["vc"], gpu["owner"]) == (None, None, None)
    by_vc = await items(usage, "group=vc")
    assert [(line["vc"], line["device_type"], line["runs"]) for line in by_vc] == [
        ("default", "v100", 2),
        ("lab", "cpu", 1),
        ("lab", "v100", 3),
    ]
    by_day = await items(usage, "group=owner,%20day&owner=bob")
    assert [(line["day"], line["owner"], line["vc"], line["runs"]) for line in by_day] == [
        ("2026-01-01", "bob", None, 2),
        ("2026-01-02", "bob", None, 1),
    ]


async def test_somebody_who_administers_a_vc_and_has_jobs_in_it_counts_them_once(usage: Gateway) -> None:
    usage.bus.answers[USAGE.subject] = lambda ask: UsagePage(rows=(row("vera", "lab"),))
    (line,) = await items(usage, "group=", name="vera")
    assert (line["runs"], line["device_hours"]) == (1, 4.0)


async def test_by_default_the_days_are_those_of_this_month_until_today(usage: Gateway) -> None:
    usage.clock.advance(20 * 86_400.0 + 1)
    answer = (await usage.call("GET", "/usage")).json()
    assert (answer["first"], answer["last"], answer["group"]) == ("2026-01-01", "2026-01-21", ["day", "vc", "owner"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("first=2026-01-02&last=2026-01-01", "first"),
        ("first=2025-01-01&last=2026-01-31", "first"),
        ("first=0001-01-01&last=9999-12-31", "first"),
        ("first=yesterday", "first"),
        ("first=20260101", "first"),
        ("first=1767225600", "first"),
        ("first=2026-02-30", "first"),
        ("first=2026-01-01T00:00:00Z", "first"),
        ("last=", "last"),
        ("last=2026-W01-1", "last"),
        ("vc=a.b", "vc"),
        ("vc=*", "vc"),
        ("vc[$ne]=x", "vc[$ne]"),
        ("owner=%7B%22$ne%22:null%7D", "owner"),
        ("owner=ada%0d%0aX:1", "owner"),
        ("group=week", "group"),
        ("group=vc,vc", "group"),
        ("group=vc,,day", "group"),
        ("group=" + "vc," * 99, "group"),
        ("page=2", "page"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_with_the_name_of_the_field(
    usage: Gateway, query: str, field: str
) -> None:
    answer = await usage.call("GET", f"/usage?{query}")
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not any(isinstance(ask, AskUsage) for ask in usage.bus.asked)


async def test_more_rows_than_one_answer_holds_are_refused_with_what_to_ask_for(usage: Gateway) -> None:
    def endless(ask: AskUsage) -> UsagePage:
        begin = int(ask.after or 0)
        rows = tuple(row(f"u{begin + number}") for number in range(10_000))
        return UsagePage(rows=rows, after=str(begin + 10_000))

    usage.bus.answers[USAGE.subject] = endless
    answer = await usage.call("GET", "/usage?group=")
    assert answer.status_code == 422
    assert f"{MOST_ROWS:,}" in answer.json()["detail"]
    assert "ask for fewer" in answer.json()["detail"]


async def test_a_metrics_service_that_is_away_is_said(yard: Gateway) -> None:
    answer = await yard.call("GET", "/usage")
    assert answer.status_code == 503
    assert "metrics service" in answer.json()["detail"]


async def test_without_a_token_nothing_is_told(usage: Gateway) -> None:
    assert (await usage.http.get("/api/v1/usage")).status_code == 401


async def test_a_table_has_the_columns_that_were_asked_for_and_a_name(usage: Gateway) -> None:
    answer = await usage.call("GET", "/usage?last=2026-01-31&group=vc", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="usage-2026-01-01-2026-01-31.csv"'
    lines = list(csv.reader(io.StringIO(answer.text)))
    assert lines[0] == ["vc", "device_type", "runs", *SUMS]
    assert lines[1] == ["default", "v100", "2", "8", "2", "0", "0", "0", "1"]
    assert len(lines) == 4


@pytest.mark.parametrize("device_type", ["=cmd|' /c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
async def test_no_cell_of_a_table_is_a_formula_and_a_separator_stays_in_its_cell(
    usage: Gateway, device_type: str
) -> None:
    usage.bus.answers[USAGE.subject] = lambda ask: UsagePage(rows=(row(device_type=f'{device_type},"x"'),))
    answer = await usage.call("GET", "/usage?group=", headers={"Accept": "text/csv"})
    cell = list(csv.reader(io.StringIO(answer.text, newline="")))[1][0]
    assert cell == f'\'{device_type},"x"'
