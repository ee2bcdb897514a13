"""What reaches a terminal: inert text, tables that fit, times as people read them."""

import io
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from jobyard.cli.tables import Column, aligned, print_table
from jobyard.cli.terminal import inert
from jobyard.cli.times import brief, duration, precise

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


def rendered(width: int, *, terminal: bool = True) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None, soft_wrap=True)
    print_table(console, COLUMNS, ROWS)
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
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_moments_are_as_short_as_they_can_be() -> None:
    now = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
    assert brief(now, now) == now.astimezone().strftime("%H:%M:%S")
    assert brief(now - timedelta(days=2), now).startswith("Nov 2")
    assert brief(now - timedelta(days=900), now) == (now - timedelta(days=900)).astimezone().strftime("%Y-%m-%d")
    assert brief(None) == "-"
    assert len(precise(datetime.now(UTC))) == len("23:12:50.123")
    assert len(precise(now - timedelta(days=900))) == len("2026-11-23 23:12:50.123")
