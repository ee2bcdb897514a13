"""The windows of an Idempotency-Key: what is close together shares one, what is a day apart shares none."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.idempotency import DAY, EPOCH, Idempotency, claimed, counts

MOMENTS = st.timedeltas(timedelta(0), 200 * 365 * timedelta(days=1)).map(lambda since: EPOCH + since)
NOTHING = timedelta(0)


def key_at(moment: datetime) -> Idempotency:
    key = claimed("k", "f", moment)
    assert key is not None
    return key


def collide(one: datetime, other: datetime) -> bool:
    """Whether one of the unique indexes refuses the second."""
    first, second = key_at(one), key_at(other)
    return first.day == second.day or first.noon == second.noon


@given(MOMENTS, st.timedeltas(NOTHING, DAY / 2 - timedelta(microseconds=1)))
def test_writers_less_than_half_a_day_apart_never_both_make_a_document(moment: datetime, apart: timedelta) -> None:
    assert collide(moment, moment + apart)


@given(MOMENTS, st.timedeltas(DAY, 400 * DAY))
def test_a_day_later_the_key_is_free(moment: datetime, apart: timedelta) -> None:
    assert not collide(moment, moment + apart)
    assert not counts(moment, moment + apart)


@given(MOMENTS, st.timedeltas(-DAY, DAY - timedelta(microseconds=1)))
def test_what_collides_still_counts_so_it_is_found(moment: datetime, apart: timedelta) -> None:
    assert counts(moment, moment + apart)
    assert abs(key_at(moment).day - key_at(moment + apart).day) <= 1


def test_a_request_without_a_key_has_none() -> None:
    assert claimed(None, "f", datetime(2026, 1, 1, tzinfo=UTC)) is None
