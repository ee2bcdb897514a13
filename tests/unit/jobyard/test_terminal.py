"""What reaches a terminal: inert text, tables that fit, times as people read them."""

import io
import time
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from jobyard.cli.tables import Column, aligned, print_table
from jobyard.cli.terminal import inert
from jobyard.cli.times import brief, duration, moment_of, precise, with_local_times

COLUMNS = (
    Column("Id"),
    Column("Name", fold=True),
    Column("Status", status=True),
    Column("Number of\nDevice", right=True),
)
ROWS = [["0" * 26, "a-long-name-" * 3, "running", "8 v100"], ["1" * 26, "b", "failed", ""]]
PIECES = st.sampled_from(
    ["\x1b[", "\x1b]", "\x1bP", "\x9b", "\x9d", "\x07", "\x1b\\", "31m", "2J", "0;", "\t", "ab", "\r", "\u202e"]
)


@given(st.lists(PIECES | st.text(max_size=5)).map("".join))
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = inert(text)
    kinds = {unicodedata.category(character) for character in shown.replace("\t", "")}
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert "\u202e" not in shown
    assert inert(shown) == shown


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_plain_text_of_any_script_stays(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=\x07clipboard", "clipboard"),
        ("\x1b(0line\x1bc", "line"),
        ("never closed \x1b]0;title", "never closed \\x1b]0;title"),
        ("bell\x07 null\x00", "bell\\x07 null\\x00"),
        ("a\tb", "a\tb"),
    ],
)
def test_sequences_go_and_controls_are_shown(text: str, shown: str) -> None:
    assert inert(text) == shown


def rendered(
    width: int, *, terminal: bool = True, columns: Sequence[Column] = COLUMNS, rows: Sequence[Sequence[str]] = ROWS
) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None, soft_wrap=True)
    print_table(console, columns, rows)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_a_wide_terminal_shows_each_job_on_a_line() -> None:
    lines = rendered(100)
    assert lines[0].split() == ["Number", "of"]
    assert lines[1].split() == ["Id", "Name", "Status", "Device"]
    assert lines[2].split() == ["0" * 26, "a-long-name-" * 3, "running", "8", "v100"]


def test_long_text_is_folded_and_ids_never() -> None:
    lines = rendered(70)
    assert max(map(len, lines)) <= 70
    identifier, name, status, *_ = lines[2].split()
    assert (identifier, status) == ("0" * 26, "running")
    assert name + lines[3].strip() == "a-long-name-" * 3


def test_a_narrow_terminal_shows_blocks() -> None:
    lines = rendered(50)
    assert max(map(len, lines)) <= 50
    assert " ".join(lines[:2]).split() == ["0" * 26, "a-long-name-" * 3, "running"]
    assert lines[2] == "    Number of Device 8 v100"
    assert lines[3] == "1" * 26 + "  b  failed"


def test_a_column_that_may_be_spared_is_cut_then_left_out_before_there_is_no_table() -> None:
    columns = (*COLUMNS, Column("Reports", fold=True, spare=True))
    rows = [[*row, "loss=0.25 accuracy=0.5"] for row in ROWS]
    wide, cut, without, blocks = (rendered(width, columns=columns, rows=rows) for width in (120, 79, 66, 50))
    assert wide[2].endswith("8 v100  loss=0.25 accuracy=0.5")
    assert cut[2].split()[2:6] == ["running", "8", "v100", "loss=0.25"] and cut[2].endswith("…")
    assert without[1].split() == ["Id", "Name", "Status", "Device"]
    assert all(max(map(len, lines)) <= width for lines, width in ((wide, 120), (cut, 79), (without, 66)))
    assert "Reports loss=0.25 accuracy=0.5" in " ".join(line.strip() for line in blocks)


def test_a_pipe_gets_aligned_plain_text() -> None:
    assert rendered(20, terminal=False) == aligned(COLUMNS, [ROWS[0], [*ROWS[1][:3], "-"]])
    assert aligned(COLUMNS, [["1", "宽", "x", "2"], ["22", "b", "y", "3"]]) == [
        "Id  Name  Status  Number of Device",
        "1   宽    x                      2",
        "22  b     y                      3",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.99, "10.0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (7260, "2 h 1 min"),
        (90000, "1 d 1 h"),
        (1e11, "1157407 d 9 h"),
        (1e12, "ages"),
        (1.7e308, "ages"),
        (inf, "ages"),
        (nan, "ages"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-23", "2026-11-22T23:00:00+00:00"),
        ("2026-11-23T09:00", "2026-11-23T08:00:00+00:00"),
        ("2026-07-01 09:00:30", "2026-07-01T07:00:30+00:00"),
        ("2026-11-23T09:00:00.5", "2026-11-23T08:00:00.500000+00:00"),
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00+00:00"),
        ("2026-11-23t09:00:00.123456z", "2026-11-23T09:00:00.123456+00:00"),
        ("2026-11-23T09:00:00+0530", "2026-11-23T03:30:00+00:00"),
        ("2026-11-23T09:00-03:00", "2026-11-23T12:00:00+00:00"),
        ("90s", "2026-11-23T11:58:30+00:00"),
        ("2h", "2026-11-23T10:00:00+00:00"),
        ("3d ago", "2026-11-20T12:00:00+00:00"),
        (" 1 W ", "2026-11-16T12:00:00+00:00"),
    ],
)
def test_a_moment_may_be_written_in_each_of_these_ways(in_berlin: None, text: str, meant: str) -> None:
    assert moment_of(text, NOW).isoformat() == meant


@pytest.mark.parametrize(
    "text",
    [
        *("", "h", "-2h", "2y", "2h3m", "tomorrow", "2026-13-01", "2026-11-31", "2026-11-23T25:00", "20261123"),
        *("1764072000", "999999999w", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\u0662h"),
        "2026-11-23T09:00:00Z\n;",
    ],
)
def test_what_is_no_moment_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment; write it like 2026-11-23"):
        moment_of(text, NOW)


def test_the_platform_s_sentences_show_the_time_of_this_place(in_berlin: None) -> None:
    sentence = "Its last checkpoint was written at 2026-11-23 23:12:50 UTC. Nothing else on 2026-11-23."
    assert with_local_times(sentence) == (
        "Its last checkpoint was written at 2026-11-24 00:12:50. Nothing else on 2026-11-23."
    )
    for strange in ("2026-13-99 99:99:99 UTC", "9999-12-31 23:59:59 UTC"):
        assert with_local_times(strange) == strange


def test_moments_are_as_short_as_they_can_be() -> None:
    now = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    assert brief(now, now) == now.astimezone().strftime("%H:%M:%S")
    assert brief(now - timedelta(days=2), now).startswith("Nov 2")
    assert brief(now - timedelta(days=900), now) == (now - timedelta(days=900)).astimezone().strftime("%Y-%m-%d")
    assert brief(None) == "-"
    assert len(precise(datetime.now(UTC))) == len("23:12:50.123")
    assert len(precise(now - timedelta(days=900))) == len("2026-11-23 23:12:50.123")
