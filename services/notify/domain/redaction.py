"""What a mail must not carry: the values of a job's environment and of its secrets, wherever they turn up."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.contracts.job import HIDDEN, without_values
from shared.contracts.masking import hidden_in, masked

SHORTEST = 6
"""Shorter values of an environment are words like `true` or `8`, which stand everywhere and hide nothing."""


class Redaction:
    """Hides the values of one environment line by line, as consoles do, and `secrets`: what of secrets was found."""

    def __init__(self, env: Mapping[str, Any], secrets: Iterable[str] = ()) -> None:
        values = hidden_in(value for value in env.values() if isinstance(value, str))
        self._hidden = {*(value for value in values if len(value) >= SHORTEST), *secrets}

    def text(self, text: str) -> str:
        """The text without any of them."""
        return masked(text, self._hidden, HIDDEN)

    def tree(self, value: Any) -> Any:
        """The same for every string of a JSON value; an `env` keeps its names only."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                key: without_values(inner) if key == "env" and isinstance(inner, dict) else self.tree(inner)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self.tree(item) for item in value]
        return value


def texts_in(value: Any) -> Iterator[str]:
    """Every string of a JSON value that `tree` looks at."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner)
