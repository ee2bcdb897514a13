"""When an unfinished line is told: once its stream was quiet, again after a while, and only if it looks different."""

from services.executor.domain.telling import Telling

PACE_S = 0.5


def test_a_rewritten_line_is_told_again_after_a_while() -> None:
    telling = Telling()
    assert telling.news({1: b"\r10%"}, 0.0, PACE_S) == ({1: "10%"}, None)
    telling.told({1: "10%"}, until=5.0)
    assert telling.news({1: b"\r10%\r20%"}, 1.0, PACE_S) == ({}, 5.0)
    assert telling.news({1: b"\r10%\r20%\r30%"}, 5.0, PACE_S) == ({1: "30%"}, None)


def test_what_looks_the_same_is_not_told_again() -> None:
    telling = Telling()
    telling.news({1: b"10%"}, 0.0, PACE_S)
    telling.told({1: "10%"}, until=0.0)
    assert telling.news({1: b"10%"}, 9.0, PACE_S) == ({}, None)
    assert telling.news({1: b"10%\r10%"}, 9.0, PACE_S) == ({}, None)


def test_what_shows_nothing_new_is_looked_at_again_after_a_while_only() -> None:
    telling = Telling()
    telling.news({1: b"10%"}, 0.0, PACE_S)
    telling.told({1: "10%"}, until=0.0)
    assert telling.news({1: b"10%\r10%"}, 1.0, PACE_S) == ({}, None)
    assert telling.news({1: b"10%\r20%"}, 1.25, PACE_S) == ({}, 1.5)
    assert telling.news({1: b"10%\r20%"}, 1.5, PACE_S) == ({1: "20%"}, None)


def test_a_stream_that_ends_lines_is_told_of_when_it_has_been_quiet() -> None:
    telling = Telling()
    telling.ended({1}, until=3.0)
    assert telling.news({1: b"half a li", 2: b"bar"}, 1.0, PACE_S) == ({2: "bar"}, 3.0)
    telling.told({2: "bar"}, until=4.0)
    telling.ended({1}, until=6.0)
    assert telling.news({1: b"another ha", 2: b"bar"}, 3.0, PACE_S) == ({}, 6.0)
    assert telling.news({1: b"another ha", 2: b"bar"}, 6.0, PACE_S) == ({1: "another ha"}, None)


def test_the_same_text_is_told_anew_after_a_line_has_ended() -> None:
    telling = Telling()
    telling.news({1: b"10%"}, 0.0, PACE_S)
    telling.told({1: "10%"}, until=0.0)
    telling.ended({1}, until=1.0)
    assert not telling.shows
    assert telling.news({1: b"10%"}, 1.0, PACE_S) == ({1: "10%"}, None)


def test_what_was_erased_or_lost_is_told_as_nothing() -> None:
    telling = Telling()
    telling.news({1: b"10%", 2: b"x"}, 0.0, PACE_S)
    telling.told({1: "10%", 2: "x"}, until=0.0)
    assert telling.shows
    assert telling.news({1: b"10%\r\x1b[K"}, 1.0, PACE_S) == ({1: "", 2: ""}, None)
    telling.told({1: "", 2: ""}, until=1.0)
    assert not telling.shows


def test_who_does_not_know_what_was_told_before_tells_also_that_nothing_stands_there() -> None:
    assert Telling().news({1: b"10%\r\x1b[K"}, 0.0, PACE_S) == ({1: ""}, None)
    assert Telling().news({}, 0.0, PACE_S) == ({}, None)
