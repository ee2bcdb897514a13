"""What a support mail must not show of a job's secrets: the gateway keeps the values, and says which of them turn up.

The values themselves never come here, but for those that stand in the texts already.
"""

import json
from collections.abc import Iterable, Iterator

from shared.bus.bus import Bus
from shared.contracts.commands.secrets import FIND_SECRETS, FindSecrets

ASK_BYTES = 200_000
"""Of texts as JSON in one command; a single one that takes more goes alone."""


async def secrets_in(bus: Bus, job_id: str, texts: Iterable[str], timeout_s: float) -> set[str]:
    """What of the job's secrets stands in the texts. Raises what the gateway refuses with, or Unavailable."""
    found: set[str] = set()
    for piece in _pieces(texts):
        answer = await bus.ask(FIND_SECRETS, FindSecrets(job_id=job_id, texts=piece), timeout_s)
        found.update(answer.found)
    return found


def _pieces(texts: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The texts in commands that fit in a message."""
    piece: list[str] = []
    size = 0
    for text in texts:
        bytes_ = len(json.dumps(text, ensure_ascii=False).encode())
        if piece and size + bytes_ > ASK_BYTES:
            yield tuple(piece)
            piece, size = [], 0
        piece.append(text)
        size += bytes_
    if piece:
        yield tuple(piece)
