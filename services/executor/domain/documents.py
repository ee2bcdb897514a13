"""JSON that others have written, a job or a node in wrong hands among them: it is read, or it is refused in one way."""

import json
from typing import Any


def parsed(text: str | bytes) -> Any:
    """Raises ValueError, also for what is nested deeper than anybody follows."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
