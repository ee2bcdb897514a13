"""What the parts of a Client share: an answer read as its model, and how jobs and moments are written in a request."""

from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from jobyard.transport import Params, Transport

API = "/api/v1"

Model = TypeVar("Model", bound=BaseModel)


class Calls:
    """The base of a Client's parts. Every method of theirs raises a subclass of JobyardError."""

    _transport: Transport

    def _read(self, model: type[Model], path: str, params: Params | None = None) -> Model:
        return self._parsed(model, self._transport.get(path, params).content)

    def _parsed(self, model: type[Model], content: bytes | str) -> Model:
        return self._transport.parsed(model, content)


def job_path(job_id: str, rest: str = "") -> str:
    """Of a job, or of what hangs on it."""
    path = f"{API}/jobs/{quote(job_id, safe='')}"
    return f"{path}/{rest}" if rest else path


def in_utc(moment: datetime | None) -> str | None:
    """As the API takes it; without a time zone it is this machine's time."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
