"""Masking: no value is seen, however it was written in pieces, and all else arrives as it was."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.executor.backends.masking import Mask
from shared.contracts.masking import hidden_in


def masked(hidden: tuple[str, ...], *pieces: bytes) -> bytes:
    mask = Mask(hidden)
    return b"".join([*(mask.feed(piece) for piece in pieces), mask.flush()])


def test_each_line_of_a_value_is_hidden_if_it_is_long_enough() -> None:
    assert hidden_in(["abc", "abcd", "PEM:\r\n  key1 \n\n   \nend\rlast"]) == ("PEM:", "abcd", "key1", "last")
    assert hidden_in(["   x"]) == ("   x",)
    assert hidden_in(["    ", "\n\n\n\n"]) == ()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"token=s3cret\n", b"token=***\n"),
        (b"s3crets3cret and s3cret", b"*** and ***"),
        (b"s3cre\nt", b"s3cre\nt"),
        (b"s3cret extra\n", b"***\n"),
        (b"the s3cret e\n", b"the *** e\n"),
        (b"\xff\xfes3cret\xff", b"\xff\xfe***\xff"),
        (b"", b""),
    ],
)
def test_values_are_replaced_wherever_they_stand(written: bytes, shown: bytes) -> None:
    assert masked(("s3cret", "s3cret extra"), written) == shown


def test_values_that_overlap_leave_nothing_of_one_another() -> None:
    assert masked(("abcde", "defgh"), b"<abcdefgh>") == b"<***>"
    assert masked(("aaaa",), b"<aaaaaa>") == b"<***>"


@given(cuts=st.lists(st.integers(0, 60), max_size=12))
@example(cuts=list(range(60)))
def test_a_value_is_found_however_it_was_written_in_pieces(cuts: list[int]) -> None:
    text = b"a s3cret, another s3cret!\r\nprogress\rs3cret\nend s3cr"
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [text[begin:end] for begin, end in pairwise(places)]
    assert masked(("s3cret",), *pieces) == b"a ***, another ***!\r\nprogress\r***\nend s3cr"


def test_a_whole_line_waits_for_nothing() -> None:
    mask = Mask(("s3cret",))
    assert mask.feed(b"one\ntw") == b"one\n"
    assert mask.feed(b"o\r") == b"two\r"


def test_a_line_without_an_end_is_let_go_of_without_showing_a_value() -> None:
    mask = Mask(("s3cret",))
    pieces = []
    for _ in range(60):
        pieces += [mask.feed(b"x" * 10_000 + b"s3c"), mask.feed(b"ret")]
    assert any(pieces)
    assert b"".join([*pieces, mask.flush()]) == (b"x" * 10_000 + b"***") * 60
