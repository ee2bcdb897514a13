"""The order of the queue: who stands where, and that counting stays right while jobs come and go."""

import random

import pytest

from services.scheduler.domain.order import CHUNK, Key, SortedKeys, key_of
from tests.support.yard import job


def keys(*numbers: int) -> list[Key]:
    return [(-number, 0, "") for number in numbers]


def test_priority_comes_first_then_the_earlier_submission() -> None:
    late, early, urgent = job(3), job(1), job(9, priority=101)
    assert sorted((late, early, urgent), key=key_of) == [urgent, early, late]


def test_jobs_of_one_moment_stand_in_the_order_of_their_ids() -> None:
    first, second = job(1), job(2).model_copy(update={"submitted_at": job(1).submitted_at})
    assert key_of(first) < key_of(second)


def test_every_position_is_right_however_many_come_and_go() -> None:
    shuffled = random.Random(1)
    everything = keys(*range(5 * CHUNK))
    queue = SortedKeys()
    for key in shuffled.sample(everything, len(everything)):
        queue.add(key)
    for key in shuffled.sample(everything, 4 * CHUNK):
        queue.remove(key)
        everything.remove(key)
    everything.sort()
    assert list(queue) == everything
    assert len(queue) == len(everything) == CHUNK
    assert [queue.rank(key) for key in everything] == list(range(CHUNK))


def test_what_is_not_there_cannot_be_taken_out() -> None:
    queue = SortedKeys()
    for key in keys(1, 3):
        queue.add(key)
    for absent in keys(0, 2, 4):
        with pytest.raises(KeyError):
            queue.remove(absent)
    assert len(queue) == 2
