"""Masking: no value is seen, however it was written in pieces, and all else arrives as it was."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.executor.backends.masking import MASK, Mask
from shared.contracts.masking import hidden_in
from shared.contracts.masking import masked as mask_all


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


VALUES = (("s3cret", "s3cret extra"), ("abcde", "defgh", "hab"), ("aaaa", "aab"), ("s3cret",))


@given(
    hidden=st.sampled_from(VALUES),
    pieces=st.lists(st.text("abcdefgh s3cretx\n\r", max_size=9).map(str.encode), max_size=20),
)
@example(hidden=("abcde", "defgh"), pieces=[b"abcde", b"f", b"gh"])
@example(hidden=("aaaa",), pieces=[b"aaaa", b"aa", b"a"])
def test_what_is_shown_is_what_all_of_it_masked_at_once_would_be(hidden: tuple[str, ...], pieces: list[bytes]) -> None:
    whole = mask_all(b"".join(pieces), [value.encode() for value in hidden], MASK)
    mask, shown = Mask(hidden), b""
    for piece in pieces:
        shown += mask.feed(piece)
        assert whole.startswith(shown), "nothing is shown that the whole would hide"
    assert shown + mask.flush() == whole


def test_only_what_could_be_the_beginning_of_a_value_waits() -> None:
    mask = Mask(("s3cret", "other"))
    assert mask.feed(b"one\ntw") == b"one\ntw"
    assert mask.feed(b"o, s3c") == b"o, "
    assert mask.feed(b"rab\rs3cre") == b"s3crab\r"
    assert mask.feed(b"t 50%") == b"*** 50%"


def test_values_without_an_end_keep_the_memory_flat() -> None:
    mask, shown = Mask(("s3cret",)), b""
    for _ in range(4000):
        shown += mask.feed(b"s3cret" * 100)
    assert set(shown + mask.flush()) == set(MASK)
    assert len(shown) > 0
