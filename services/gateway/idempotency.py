"""The Idempotency-Key of a request: what makes a repetition safe."""

import re

from shared.contracts.errors import FieldError, Invalid

_KEY = re.compile(r"[\x21-\x7e]{1,240}")


def checked(key: str | None) -> str | None:
    """The key, if there is one. Raises Invalid for what is none."""
    if key is not None and not _KEY.fullmatch(key):
        message = "must have 1 to 240 visible ASCII characters"
        raise Invalid(f"Idempotency-Key: {message}.", (FieldError(field="Idempotency-Key", message=message),))
    return key
