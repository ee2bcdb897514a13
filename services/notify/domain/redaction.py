"""What a mail must not carry: the values of a job's environment, wherever they turn up."""

from collections.abc import Mapping
from typing import Any

from shared.contracts.job import HIDDEN, without_values

SHORTEST = 6
"""Shorter values are words like `true` or `8`, which stand everywhere and hide nothing."""


class Redaction:
    """Hides the values of one environment."""

    def __init__(self, env: Mapping[str, Any]) -> None:
        values = {value for value in env.values() if isinstance(value, str) and len(value) >= SHORTEST}
        self._values = sorted(values, key=len, reverse=True)

    def text(self, text: str) -> str:
        """The text with each of the values replaced, the longest first."""
        for value in self._values:
            text = text.replace(value, HIDDEN)
        return text

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
