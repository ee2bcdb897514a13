"""How a terminal paints what it writes: the colours and weights that SGR sequences (ECMA-48) have turned on. Pure.

A style has one short code for each attribute, so it stays small however many sequences have led to it, and however
they were written.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

Style = tuple[tuple[str, str], ...]
"""(attribute, the code that turns it on), in the order of their names."""

PLAIN: Style = ()

_ON = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 5: "blink", 6: "blink", 7: "reverse", 8: "hidden", 9: "struck"}
_ON |= {21: "underline"} | dict.fromkeys((*range(30, 38), *range(90, 98)), "front")
_ON |= dict.fromkeys((*range(40, 48), *range(100, 108)), "back")
_OFF = {22: ("bold", "dim"), 23: ("italic",), 24: ("underline",), 25: ("blink",), 27: ("reverse",), 28: ("hidden",)}
_OFF |= {29: ("struck",), 39: ("front",), 49: ("back",), 59: ("ink",)}
_COLOURS = {38: "front", 48: "back", 58: "ink"}
_ARGUMENTS = {"5": 1, "2": 3}
"""Of a colour: how many follow the word for its kind."""
_LONGEST_CODE = 24
"""Of a colour that is one code, with colons."""
_HIGHEST = 255
"""In a colour; what is higher is none."""


@lru_cache(maxsize=4096)
def styled(style: Style, parameters: str) -> Style:
    """The style after one SGR sequence with these parameters."""
    now = dict(style)
    codes = iter(parameters.split(";"))
    for code in codes:
        number = _number(code)
        if number == 0:
            now.clear()
        elif number in _COLOURS:
            if colour := _colour(code, codes):
                now[_COLOURS[number]] = colour
        elif number == 4 and code.endswith(":0"):
            now.pop("underline", None)
        elif number in _ON:
            now[_ON[number]] = _kind_of_line(code) if number == 4 else str(number)
        for attribute in _OFF.get(number, ()):
            now.pop(attribute, None)
    return tuple(sorted(now.items()))


def sequence(style: Style) -> str:
    """The escape sequence after which this style is on and nothing else."""
    return f"\x1b[{';'.join(['0', *(code for _, code in style)])}m"


def _number(code: str) -> int:
    first = code.partition(":")[0]
    return int(first) if first else 0


def _kind_of_line(code: str) -> str:
    """`4`, or `4:n` for one that is curly or dotted."""
    kind = code.partition(":")[2]
    return f"4:{kind}" if len(kind) == 1 and kind.isdigit() else "4"


def _colour(code: str, following: Iterator[str]) -> str:
    """`38;5;n`, `38;2;r;g;b`, or with colons in one code; empty where it is not whole."""
    if ":" in code:
        return code if len(code) <= _LONGEST_CODE else ""
    kind = next(following, "")
    arguments = [_number(argument) for argument in islice(following, _ARGUMENTS.get(kind, 0))]
    if not arguments or len(arguments) < _ARGUMENTS[kind] or max(arguments) > _HIGHEST:
        return ""
    return ";".join(map(str, (_number(code), kind, *arguments)))
