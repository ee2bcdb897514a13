"""Whether a namespace is closed to the executor: believed only of an API server that says so for a while.

One that is just starting does not know yet who may do what, and forbids everything to everybody.
"""

from dataclasses import dataclass

_QUIET_S = 120.0
"""Launches are repeated more often than that: what was said longer ago was of other runs."""


@dataclass
class _Said:
    """That it is closed: when first, and when last."""

    first: float
    last: float


class ClosedNamespaces:
    """As one API server tells of them. `now` is of a clock that never goes back, in seconds."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._said: dict[str, _Said] = {}

    def is_closed(self, namespace: str, now: float) -> bool:
        """The API server says so; whether that is to be believed."""
        said = self._said.get(namespace)
        if said is None or now - said.last > _QUIET_S:
            said = self._said[namespace] = _Said(now, now)
        said.last = now
        return now - said.first >= self._patience_s

    def open(self, namespace: str) -> None:
        """Something was done there."""
        self._said.pop(namespace, None)
