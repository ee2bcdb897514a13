"""Where a page ends, as an opaque word that only the same list takes back: same conditions, same order, not altered."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from typing import Any

from shared.contracts.commands.lists import ListJobs
from shared.contracts.errors import FieldError, Invalid

Place = tuple[Any, ...]
"""A job's values in the keys of the list's order, its id last."""

_DIGEST = 12
_MESSAGE = "is not of this list as it is asked for now; use next_cursor of the page before, or begin without a cursor"
_OF_THE_PAGE = {"cursor", "limit", "with_total"}


def cursor_of(ask: ListJobs, place: Place) -> str:
    """The word for this place in this list."""
    text = json.dumps(place, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(ask, text) + text).decode()


def place_in(ask: ListJobs, read: Callable[[bytes], Place]) -> Place | None:
    """The place that the ask's cursor stands for. Raises Invalid for any other word.

    `read` takes what may stand in the order's keys and raises ValueError for all else: the digest tells lists apart and
    is no secret, so what comes with a right one is looked at all the same.
    """
    if ask.cursor is None:
        return None
    try:
        raw = base64.b64decode(ask.cursor.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _foreign() from None
    digest, text = raw[:_DIGEST], raw[_DIGEST:]
    if digest != _digest(ask, text):
        raise _foreign()
    try:
        return read(text)
    except ValueError:
        raise _foreign() from None


def _digest(ask: ListJobs, text: bytes) -> bytes:
    """Over what was set only, so that a condition that a later version adds leaves older cursors as they are."""
    asked = json.dumps(ask.model_dump(mode="json", exclude=_OF_THE_PAGE, exclude_defaults=True), sort_keys=True)
    return hashlib.sha256(asked.encode() + b"\0" + text).digest()[:_DIGEST]


def _foreign() -> Invalid:
    return Invalid(f"The cursor {_MESSAGE}.", (FieldError(field="cursor", message=_MESSAGE),))
