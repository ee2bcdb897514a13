"""Answers: models as JSON bytes, written once; FastAPI would validate them and walk through them again."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response


def as_json(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None, *, exclude_none: bool = False
) -> Response:
    """A model as the body of an answer."""
    return Response(model.model_dump_json(exclude_none=exclude_none), status, headers, "application/json")
