"""Many objects that stay are seldom gone through, and garbage goes all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from services.executor.backends.kubernetes import garbage

STAY = 5 * garbage.YOUNG


class Ring:
    """Garbage as soon as nobody else holds it: it holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def looks() -> Iterator[list[int]]:
    """Which generations Python goes through, each time that it does."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            found.append(info["generation"])

    former = gc.get_threshold()
    gc.collect()
    gc.callbacks.append(note)
    garbage.look_rarely()
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*former)


def test_what_stays_is_seldom_gone_through(looks: list[int]) -> None:
    kept: list[list[int]] = [[] for _ in range(STAY)]
    assert len(kept) == STAY
    assert 0 < len(looks) <= STAY // garbage.YOUNG + 1


def test_garbage_goes_all_the_same(looks: list[int]) -> None:
    first = weakref.ref(Ring())
    for _ in range(2 * garbage.YOUNG):
        Ring()
    assert first() is None
    assert looks
