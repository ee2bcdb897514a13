"""Which of the names that a job reports people look at first, where there is no room for all."""

import re

_WORDS = re.compile(r"[^a-z0-9]+")


def foremost(name: str) -> tuple[int, str]:
    """To sort by: losses, then accuracies, then what was validated, then the rest; alike ones by name."""
    words = _WORDS.split(name.lower())
    kinds = (
        any("loss" in word for word in words),
        any(word == "acc" or word.startswith("accuracy") for word in words),
        any(word in ("val", "eval") or word.startswith(("valid", "evaluat")) for word in words),
    )
    return next((rank for rank, found in enumerate(kinds) if found), len(kinds)), name
