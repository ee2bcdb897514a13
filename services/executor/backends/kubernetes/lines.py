"""An answer without an end, line by line: a line that is longer than anything of the cluster's can be is left out.

aiohttp's own reader ends at such a line, so whoever can have one written could end a watch.
"""

from collections.abc import AsyncIterator

import aiohttp

LONGEST = 24 << 20
"""The API server takes a document of 3 MiB, and JSON writes a character of it with six."""


async def lines(answer: aiohttp.StreamReader, longest: int = LONGEST) -> AsyncIterator[bytes | None]:
    """Each without its end, the last one also if it has none; None for one that is longer than `longest` bytes.

    Raises what aiohttp raises.
    """
    parts: list[bytes] = []
    size = 0
    async for data in answer.iter_any():
        *ends, rest = data.split(b"\n")
        for end in ends:
            yield b"".join((*parts, end)) if size + len(end) <= longest else None
            parts, size = [], 0
        size += len(rest)
        if size <= longest:
            parts.append(rest)
        else:
            parts.clear()
    if size:
        yield b"".join(parts) if size <= longest else None
