"""A query before the parser reads it: its regular expressions are kept from the parser, absurd numbers are refused.

The parser compiles every regular expression, and a few hundred short ones take it a minute. So it is given a text
without a single `~`: `a=~"x"` goes in as `a="<mark>x"`, where the mark is a secret of this process, and comes out of
the tree as what it was (`is_pattern`, `shown`). That holds whatever this module takes for a string or a comment: where
it were mistaken, the parser would read another query, which is confined like any other.
"""

import re
import secrets
from dataclasses import dataclass

from services.gateway.promql.known import MOST_PATTERNS, too_large
from services.gateway.promql.magnitudes import too_far
from shared.contracts.errors import Invalid

_SECRET = secrets.token_hex(8)
_PATTERN = f"z{_SECRET}p"
_TILDE = f"z{_SECRET}t"
"""Neither may begin with a letter that means something after a backslash."""

_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.?)*"?|'(?:[^'\\]|\\.?)*'?|`[^`]*`?)|(?P<comment>\#[^\n]*)|(?P<operator>[=!]~)""",
    re.DOTALL,
)
"""What has no end ends with the query, so that no character is looked at more than twice."""


@dataclass(frozen=True)
class Scanned:
    """A query for the parser, and how many regular expressions it has."""

    text: str
    patterns: int


def scanned(query: str) -> Scanned:
    """The query as the parser may read it. Raises Invalid."""
    complaint = too_large(query)
    if complaint is not None:
        raise Invalid(complaint)
    read: list[str] = []
    code: list[str] = []
    patterns, marked, at = 0, False, 0
    for found in _TOKEN.finditer(query):
        between, at = query[at : found.start()], found.end()
        written = found[0]
        if found["operator"]:
            patterns, marked, written = patterns + 1, True, "=" if written[0] == "=" else "!="
        elif found["comment"]:
            written = " "
        else:
            mark, marked = _PATTERN if marked else "", False
            written = _in_quotes(written)
            written = f"{written[0]}{mark}{written[1:].replace('~', _TILDE)}"
        read += (between, written)
        code += (between, " " if found["comment"] else found[0][0])
    read.append(query[at:])
    code.append(query[at:])
    text, complaint = "".join(read), too_far("".join(code))
    if complaint is not None:
        raise Invalid(complaint)
    if "~" in text:
        raise Invalid("This is no PromQL that is known here: '~' stands after '=' or '!', or in quotes.")
    check_patterns(patterns)
    return Scanned(text, patterns)


def _in_quotes(written: str) -> str:
    """A string in backticks, where a backslash is one, in quotes: the parser would look for escapes in it."""
    if written[0] != "`" or written[-1] != "`" or len(written) == 1:
        return written
    escaped = written[1:-1].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def check_patterns(count: int) -> None:
    """Raises Invalid for more regular expressions than a request may have: Prometheus compiles each."""
    if count > MOST_PATTERNS:
        raise Invalid(f"A request has at most {MOST_PATTERNS} regular expressions (=~, !~). Ask for less at once.")


def is_pattern(value: str) -> bool:
    """Whether a value in the tree is a regular expression."""
    return value.startswith(_PATTERN)


def shown(value: str) -> str:
    """A text of the tree, or of a complaint of the parser, as the asker wrote it."""
    return value.replace(_PATTERN, "").replace(_TILDE, "~")
