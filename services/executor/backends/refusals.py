"""Why a program was not started in a run, as it is said from inside: by its form, since a run can answer in that place.

So no run reaches people with a code that is not said there, nor with more than a sentence.
"""

from collections.abc import Collection

from shared.contracts.errors import Conflict

SENTENCE_CHARS = 500


def refusal(code: str, sentence: str, program: str | None, codes: Collection[str]) -> Conflict:
    """`codes`: those that can be said to what was asked for. Raises ValueError for any other."""
    if code not in codes:
        raise ValueError(f"{code[:40]!r} is no answer to what was asked for")
    return Conflict(shown(sentence), details={"code": code, "program": program})


def shown(text: str) -> str:
    """On one line that shows all that it says, and not endless."""
    return "".join(each if each.isprintable() else "?" for each in text[:SENTENCE_CHARS])
