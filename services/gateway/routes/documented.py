"""How the OpenAPI document shows the problems that a route may answer with."""

from typing import Any

from services.gateway.problems import MEDIA_TYPE

ALWAYS = (401, 503)
_SAYS = {
    400: "Not a request that this platform answers.",
    401: "No token, or one that does not count.",
    403: "Visible, but not yours to do.",
    404: "There is no such thing, or not for you.",
    409: "It makes no sense in the present state, or the name or the key is taken.",
    413: "The body is larger than 1 MiB.",
    415: "The body is not JSON.",
    422: "Something in the request is wrong; `errors` names the fields.",
    429: "Too often; `Retry-After` says when to come again.",
    503: "A part of the platform does not answer now, or a disk is nearly full; a repetition is safe.",
}

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: int, public: bool = False) -> Responses:
    """`responses=` of a route; those that every route may answer with are added."""
    schema = {"$ref": "#/components/schemas/Problem"}
    every = sorted({*statuses, *(() if public else ALWAYS)})
    return {status: {"description": _SAYS[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in every}


def content(media_type: str, description: str) -> Responses:
    """`responses=` of a route whose answer is text."""
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}}


def body(*models: str, **examples: Any) -> dict[str, Any]:
    """`openapi_extra=` of a route that parses its JSON body by itself; of several models it is one."""
    shown = {name: {"value": value} for name, value in examples.items()}
    refs = [{"$ref": f"#/components/schemas/{model}"} for model in models]
    schema: dict[str, Any] = refs[0] if len(refs) == 1 else {"oneOf": refs}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "examples": shown}}}}


def texts(*parameters: tuple[str, str]) -> dict[str, Any]:
    """`openapi_extra=` of a route that reads these parameters of its address by itself: names, and what each is."""
    schema = {"type": "string"}
    listed = [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": said}
        for name, said in parameters
    ]
    return {"parameters": listed}


def form(*fields: tuple[str, str]) -> dict[str, Any]:
    """The same for one that reads a form."""
    properties = {name: {"type": "string", "description": said} for name, said in fields}
    schema = {"type": "object", "properties": properties}
    return {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}}
