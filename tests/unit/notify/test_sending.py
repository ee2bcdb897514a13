"""When a message is tried again, and when it is given up."""

from datetime import UTC, datetime, timedelta

from services.notify.domain.sending import (
    ERROR_CHARACTERS,
    LONGEST_WAIT_S,
    Arrival,
    Rules,
    begin,
    is_due,
    is_exhausted,
    missed,
    refused,
    sent,
    shown,
    tried,
)
from shared.contracts.notify import Progress

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(first_wait_s=10, lease_s=120, give_up_s=86_400)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_new_message_is_due_at_once() -> None:
    assert is_due(begin(NOW), NOW)


def test_a_try_that_has_begun_keeps_others_away_until_its_lease_is_over() -> None:
    message = tried(begin(NOW), RULES, NOW)
    assert message.tries == 1
    assert not is_due(message, later(119))
    assert is_due(message, later(120))


def test_waits_double_up_to_an_hour() -> None:
    waits = [RULES.wait_s(tries) for tries in range(1, 12)]
    assert waits[:4] == [10, 20, 40, 80]
    assert waits[-1] == LONGEST_WAIT_S == RULES.wait_s(10_000)


def test_a_message_that_always_fails_is_tried_for_a_day_and_then_never_again() -> None:
    message, now = begin(NOW), NOW
    while not message.over:
        message = missed(tried(message, RULES, now), "no", RULES, now)
        now = message.due_at or now
    assert message.status is Progress.FAILED and message.due_at is None
    assert later(86_400 - LONGEST_WAIT_S) <= now <= later(86_400)
    assert 24 < message.tries < 40
    assert not is_due(message, later(10**9))


def test_a_hopeless_message_is_given_up_at_once() -> None:
    assert missed(tried(begin(NOW), RULES, NOW), "no", RULES, NOW, final=True).status is Progress.FAILED


def test_what_arrived_is_over_and_forgets_its_errors() -> None:
    waiting = missed(tried(begin(NOW), RULES, NOW), "no", RULES, NOW)
    assert (waiting.last_error, waiting.due_at) == ("no", later(10))
    done = sent(tried(waiting, RULES, later(10)), later(11))
    assert (done.status, done.tries, done.last_error, done.ended_at) == (Progress.SENT, 2, None, later(11))


def test_what_became_a_file_says_which() -> None:
    done = sent(tried(begin(NOW), RULES, NOW), NOW, Arrival(file="mail/m.eml"))
    assert (done.status, shown(done)["file"]) == (Progress.SENT, "mail/m.eml")


def test_what_is_refused_is_over_before_any_try_and_says_why() -> None:
    never = refused(NOW, "Too many.")
    assert (never.status, never.tries, never.last_error, never.due_at) == (Progress.FAILED, 0, "Too many.", None)
    assert not is_due(never, later(10**9))


def test_a_message_whose_senders_always_die_is_given_up_too() -> None:
    message = tried(begin(NOW), RULES, NOW)
    assert not is_exhausted(message, RULES, later(86_400))
    assert is_exhausted(message, RULES, later(86_400 + 121))
    assert not is_exhausted(begin(NOW), RULES, later(10**8))


def test_an_error_is_one_line_of_bounded_length() -> None:
    said = missed(tried(begin(NOW), RULES, NOW), "one\r\ntwo\x1b[31m\u2028" + "x" * 9999, RULES, NOW).last_error
    assert said is not None and said.startswith("one two [31m x") and len(said) == ERROR_CHARACTERS + 3
