"""What is said of a program that lasts, whatever the program writes between."""

import pytest

from services.executor.backends.kubernetes.words import LIMIT, SAID_BYTES, Words, masked

TOKEN = "5eed"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_words_come_in_pieces_of_any_size(size: int) -> None:
    said = b"5eed said\nhello\nwor\n5eed over\n5eed said\nhello\nworld\n\n5eed over\n5eed ended 3\nhello\nworld\nbye\n"
    words = Words(TOKEN)
    fresh = sum(words.feed(said[start : start + size]) for start in range(0, len(said), size))
    assert fresh > 0
    assert words.said == b"hello\nworld\n"
    assert (words.code, words.last()) == (3, b"hello\nworld\nbye\n")


def test_a_program_that_says_how_it_ends_is_not_believed() -> None:
    words = Words(TOKEN)
    words.feed(b"5eed said\nother ended 0\nother over\n")
    assert words.code is None
    words.feed(b"\n5eed over\n")
    assert (words.said, words.code) == (b"other ended 0\nother over\n", None)


@pytest.mark.parametrize("code", [b"", b"-1", b"256", b"9" * 5000, "٣".encode(), b"0 0"])
def test_what_is_no_exit_code_is_no_success(code: bytes) -> None:
    words = Words(TOKEN)
    words.feed(b"5eed ended " + code + b"\n")
    assert words.code == 255


def test_what_never_ends_is_not_kept_whole() -> None:
    words = Words(TOKEN)
    words.feed(b"5eed ended 0\n")
    for _ in range(6):
        words.feed(bytes(1 << 20))
    assert len(words.last()) <= LIMIT


def test_no_part_of_a_hidden_text_is_shown_where_the_words_are_cut() -> None:
    hidden, more = ("s3cret", "other"), b"x" * SAID_BYTES
    assert masked(b"cret" + more + b" s3cret s3cr", hidden, ended=False) == b"***" + more + b" *** "
    assert masked(more + b" s3cr", hidden, ended=True) == more + b" s3cr", "it has ended so, and says no more of it"
    assert masked(b"cret is no secret", hidden, ended=True) == b"cret is no secret", "nothing came before it"
    assert masked(more, (), ended=True) == more
