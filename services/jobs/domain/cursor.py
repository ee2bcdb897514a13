"""Where a page begins, as an opaque word that only the same list takes back: same conditions, same order, not altered.

A word leads in one of two directions: on behind a place, or back to what stands before it.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.contracts.commands.lists import ListJobs
from shared.contracts.errors import FieldError, Invalid

Place = tuple[Any, ...]
"""A job's values in the keys of the list's order, its id last."""

_DIGEST = 12
_MESSAGE = (
    "is not of this list as it is asked for now; use next_cursor or prev_cursor of another of its pages, or begin "
    "without a cursor"
)
_OF_THE_PAGE = {"cursor", "limit", "with_total"}
_ON, _BACK = b">", b"<"


@dataclass(frozen=True)
class Start:
    """Where a page begins: behind a place or, `back`, before it; without a place at the list's beginning, or end."""

    place: Place | None = None
    back: bool = False


def cursor_of(ask: ListJobs, start: Start) -> str:
    """The word for this start in this list."""
    place = b"" if start.place is None else json.dumps(start.place, separators=(",", ":")).encode()
    text = (_BACK if start.back else _ON) + place
    return base64.urlsafe_b64encode(_digest(ask, text) + text).decode()


def start_in(ask: ListJobs, read: Callable[[bytes], Place]) -> Start:
    """What the ask's cursor stands for; the list's beginning without one. Raises Invalid for any other word.

    `read` takes what may stand in the order's keys and raises ValueError for all else: the digest tells lists apart and
    is no secret, so what comes with a right one is looked at all the same.
    """
    if ask.cursor is None:
        return Start()
    try:
        raw = base64.b64decode(ask.cursor.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _foreign() from None
    digest, text = raw[:_DIGEST], raw[_DIGEST:]
    direction, place = text[:1], text[1:]
    if digest != _digest(ask, text) or direction not in (_ON, _BACK):
        raise _foreign()
    try:
        return Start(read(place) if place else None, back=direction == _BACK)
    except ValueError:
        raise _foreign() from None


def _digest(ask: ListJobs, text: bytes) -> bytes:
    """Over what was set only, so that a condition that a later version adds leaves older cursors as they are."""
    asked = json.dumps(ask.model_dump(mode="json", exclude=_OF_THE_PAGE, exclude_defaults=True), sort_keys=True)
    return hashlib.sha256(asked.encode() + b"\0" + text).digest()[:_DIGEST]


def _foreign() -> Invalid:
    return Invalid(f"The cursor {_MESSAGE}.", (FieldError(field="cursor", message=_MESSAGE),))
