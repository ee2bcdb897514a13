"""Questions to drivers, which may hang for ever: each in a daemon thread of its own, so that nobody waits for one
longer than they chose, and the process can end while it hangs.
"""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.clock import Clock

T = TypeVar("T")


class Question(Generic[T]):
    """Asked at once."""

    def __init__(self, ask: Callable[[], T | None]) -> None:
        self._ask = ask
        self._answer: T | None = None
        self._thread = threading.Thread(target=self._run, name="device-driver", daemon=True)
        self._thread.start()

    def answer(self, within_s: float = 0.0) -> T | None:
        """What was answered; None as long as nothing was."""
        self._thread.join(within_s)
        return self._answer

    @property
    def open(self) -> bool:
        """The driver still owes an answer."""
        return self._thread.is_alive()

    def _run(self) -> None:
        self._answer = self._ask()


class Latest(Generic[T]):
    """The last answer to a question that is asked again and again, never twice at a time.

    It is asked anew `every_s` later, or `again_s` if it had no answer; an answer is too old after `keep_s`.
    """

    def __init__(self, clock: Clock, every_s: float, again_s: float, keep_s: float) -> None:
        self._clock = clock
        self._every_s = every_s
        self._again_s = again_s
        self._keep_s = keep_s
        self._question: Question[T] | None = None
        self._asked = 0.0
        self._kept: T | None = None
        self._kept_since = 0.0

    def get(self, ask: Callable[[], T | None], within_s: float = 0.0) -> T | None:
        """The answer; who has just asked waits for it so long. None: there is none, or none that is new enough."""
        self._harvest()
        if self._due():
            self._question = Question(ask)
            self._asked = self._clock.monotonic()
            self._question.answer(within_s)
            self._harvest()
        return self._kept if self._clock.monotonic() - self._kept_since <= self._keep_s else None

    def _harvest(self) -> None:
        if self._question is not None and (answer := self._question.answer()) is not None:
            self._kept, self._kept_since = answer, self._asked

    def _due(self) -> bool:
        if self._question is None:
            return True
        wait = self._again_s if self._question.answer() is None else self._every_s
        return not self._question.open and self._clock.monotonic() - self._asked >= wait
