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


@pytest.mark.parametrize("code", [b"", b"-1", b"256", b"9" * 50, "٣".encode(), b"0 0"])
def test_what_is_no_exit_code_is_no_success(code: bytes) -> None:
    words = Words(TOKEN)
    words.feed(b"5eed ended " + code + b"\n")
    assert words.code == 255


@pytest.mark.parametrize("begin", [b"", b"5ee", b"5eed said\nhello\n5eed over\n"])
def test_the_first_byte_that_the_script_does_not_say_ends_it(begin: bytes) -> None:
    words = Words(TOKEN)
    strange = []
    for piece in (begin, b"yyyy"):
        words.feed(piece)
        strange.append(words.strange)
    assert strange == [False, True]
    assert words.last() == b"", "nothing of it is kept"
    words.feed(b"5eed ended 0\n")
    assert words.code is None


@pytest.mark.parametrize("begin", [b"5eed said\n", b"5eed ended "])
def test_what_is_longer_than_the_script_says_it_is_not_the_scripts(begin: bytes) -> None:
    words = Words(TOKEN)
    words.feed(begin)
    for _ in range(SAID_BYTES // 1000):
        assert words.feed(b"1" * 1000) is False
    words.feed(b"1" * 1000)
    assert (words.strange, words.said, words.code) == (True, None, None)


def test_words_of_a_living_program_may_be_as_long_as_the_script_says_them() -> None:
    words, said = Words(TOKEN), b"x" * SAID_BYTES
    assert words.feed(b"5eed said\n" + said + b"\n5eed over\n5eed said\n")
    assert (words.said, words.strange) == (said, False)


def test_what_never_ends_is_not_kept_whole() -> None:
    words = Words(TOKEN)
    words.feed(b"5eed ended 0\n")
    for _ in range(6):
        words.feed(bytes(LIMIT // 4))
    assert len(words.last()) <= LIMIT
    assert words.whole


def test_no_part_of_a_hidden_text_is_shown_where_the_words_are_cut() -> None:
    hidden, more = ("s3cret", "other"), b"x" * SAID_BYTES
    assert masked(b"cret" + more + b" s3cret s3cr", hidden, ended=False) == b"***" + more + b" *** "
    assert masked(more + b" s3cr", hidden, ended=True) == more + b" s3cr", "it has ended so, and says no more of it"
    assert masked(b"cret is no secret", hidden, ended=True) == b"cret is no secret", "nothing came before it"
    assert masked(more, (), ended=True) == more
