"""Server-sent events, read as the HTML standard says: bytes in, events out.

Lines end with LF, CR or CRLF and nothing else: httpx's own line reader would also split at U+2028 and its like, which
console output may contain.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")


@dataclass(frozen=True)
class ServerEvent:
    """One event; `id` is what to send as `Last-Event-ID` to go on after it."""

    name: str
    data: str
    id: str | None


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines without their ends; an unfinished last one is dropped, as the standard says."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        start = 0
        for match in _LINE_END.finditer(rest):
            if match.group() == b"\r" and match.end() == len(rest):
                break  # the LF of a CRLF may still come
            yield rest[start : match.start()]
            start = match.end()
        rest = rest[start:]


def parse(chunks: Iterable[bytes], last_id: str | None = None) -> Iterator[ServerEvent]:
    """The events of a response body; comments and unknown fields are skipped."""
    name, data = "", list[str]()
    for raw in lines(chunks):
        if not raw:
            if data:
                yield ServerEvent(name or "message", "\n".join(data), last_id)
            name, data = "", []
            continue
        field, _, value = raw.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value
