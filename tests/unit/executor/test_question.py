"""Drivers that hang, fail or come late hold up nobody, and their old answers are not taken for new ones."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from services.executor.devices.question import Latest, Question
from tests.support.clock import ManualClock
from tests.support.waiting import wait_until


@dataclass
class Driver:
    """Answers what it is told to, and while `free` is not set it hangs."""

    answers: list[int | None] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def __call__(self) -> int | None:
        self.asked += 1
        answer = self.answers.pop(0)
        self.free.wait()
        return answer


@pytest.fixture
def make() -> Iterator[Callable[..., Driver]]:
    made: list[Driver] = []

    def driver(*answers: int | None, hangs: bool = False) -> Driver:
        made.append(Driver(list(answers)))
        if not hangs:
            made[-1].free.set()
        return made[-1]

    yield driver
    for one in made:
        one.free.set()


LONG = 60.0


def test_a_question_to_a_driver_that_hangs_stays_open(make: Callable[..., Driver]) -> None:
    driver = make(1, hangs=True)
    question = Question(driver)
    assert (question.answer(), question.open) == (None, True)
    driver.free.set()
    assert (question.answer(LONG), question.open) == (1, False)


def test_a_driver_is_asked_as_often_as_was_said(make: Callable[..., Driver]) -> None:
    clock, driver = ManualClock(), make(1, 2)
    latest = Latest[int](clock, every_s=5, again_s=60, keep_s=30)
    assert latest.get(driver, LONG) == 1
    clock.advance(4)
    assert (latest.get(driver, LONG), driver.asked) == (1, 1)
    clock.advance(1)
    assert (latest.get(driver, LONG), driver.asked) == (2, 2)


def test_a_driver_that_hangs_is_not_asked_again_and_its_last_answer_is_kept_only_so_long(
    make: Callable[..., Driver],
) -> None:
    clock, driver = ManualClock(), make(1, 2, 3)
    latest = Latest[int](clock, every_s=5, again_s=60, keep_s=30)
    assert latest.get(driver, LONG) == 1
    driver.free.clear()
    clock.advance(5)
    assert latest.get(driver) == 1
    wait_until(lambda: driver.asked == 2, "it hangs")
    clock.advance(26)
    assert (latest.get(driver), driver.asked) == (None, 2)
    clock.advance(1000)
    assert (latest.get(driver), driver.asked) == (None, 2)
    driver.free.set()
    wait_until(lambda: latest.get(driver) == 3, "it is asked again once it has answered")


def test_one_that_fails_is_asked_again_seldom(make: Callable[..., Driver]) -> None:
    clock, driver = ManualClock(), make(None, 7)
    latest = Latest[int](clock, every_s=5, again_s=60, keep_s=30)
    assert latest.get(driver, LONG) is None
    clock.advance(59)
    assert (latest.get(driver, LONG), driver.asked) == (None, 1)
    clock.advance(1)
    assert latest.get(driver, LONG) == 7


def test_an_answer_that_comes_late_is_taken_when_somebody_looks_next(make: Callable[..., Driver]) -> None:
    clock, driver = ManualClock(), make(1, 2, hangs=True)
    latest = Latest[int](clock, every_s=5, again_s=60, keep_s=30)
    assert latest.get(driver) is None
    clock.advance(8)
    driver.free.set()
    wait_until(lambda: latest.get(driver) is not None, "the answer is there")
