"""Moments and durations in a query that are too far for the parser: it panics over them, or takes them for others."""

import math
import re

LATEST_S = 253_402_300_799.0
"""The end of the year 9999."""
LONGEST_S = 3660 * 86_400.0
"""Of a range or an offset."""

_DIGITS = r"(?:[0-9_]++\.?+[0-9_]*+|\.[0-9_]++)(?:e[-+]?+[0-9]++)?+"
_NUMBER = rf"\s*+([-+]?+)\s*+((?:0x[0-9a-f_]++|{_DIGITS}|nan|inf)(?![\w.]))"
_MOMENT = re.compile(rf"@{_NUMBER}", re.IGNORECASE)
_SPAN = re.compile(rf"(?:\boffset\b|[\[:]){_NUMBER}", re.IGNORECASE)
_LONG = re.compile(r"(?<![\w.])[0-9._]++e[-+]?+[0-9]{4}", re.IGNORECASE)
"""None of them goes back over what it has read, so that a query is read in a time that grows with its length."""


def too_far(code: str) -> str | None:
    """What is too far about a query without its strings and comments, if anything is."""
    if _LONG.search(code):
        return "Exponents of numbers have at most three digits. Write the number in another way."
    if not all(0 <= _value(sign, said) <= LATEST_S for sign, said in _MOMENT.findall(code)):
        return "A moment after '@' lies between 1970 and the end of the year 9999, in seconds. Ask for another one."
    if not all(abs(_value(sign, said)) <= LONGEST_S for sign, said in _SPAN.findall(code)):
        return f"Ranges and offsets have at most {LONGEST_S / 86_400:g} days. Ask for a shorter one."
    return None


def _value(sign: str, said: str) -> float:
    """NaN for what is no number that we know."""
    try:
        value = float(int(said, 16)) if said[:2].lower() == "0x" else float(said)
    except (ValueError, OverflowError):
        return math.nan
    return -value if sign == "-" else value
