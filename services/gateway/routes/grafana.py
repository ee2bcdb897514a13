"""Grafana under `/grafana/`: dashboards of jobs in a frame of the console, for whoever is signed in.

Not a part of the API, so not in its document: the paths and answers are Grafana's own.
"""

import json
from collections.abc import AsyncGenerator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import bodies
from services.gateway.door import signed_in
from services.gateway.grafana.passing import QUERY, ROOT, TICKET, Questions, asks_data, passes, to_grafana
from services.gateway.grafana.upstream import Answer
from services.gateway.parts import parts_of
from services.gateway.routes.direct import DirectRoute
from services.gateway.routes.streams import byte_stream
from services.gateway.streaming import CHANGED
from services.gateway.watch import Watch
from shared.contracts.errors import Invalid, NotFound, Unavailable

router = APIRouter(route_class=DirectRoute, include_in_schema=False)

PIECE_BYTES = 65_536
NOT_PASSED = "Nothing of Grafana is shown under this path. What is shown: docs/grafana.md."


@router.api_route(ROOT + "{path:path}", methods=["GET", "HEAD", "POST"])
async def get_grafana(request: Request) -> Response:
    """What Grafana answers, asked as the caller."""
    parts, who = parts_of(request), signed_in(request)
    path, query = request.scope["path"], request.scope["query_string"]
    parts.grafana.check()
    if not passes(request.method, path, query.decode("latin-1")):
        raise NotFound(NOT_PASSED)
    headers = to_grafana(request.headers.items(), who.caller.name)
    if asks_data(path):
        headers.append(("Cookie", f"{TICKET}={parts.tickets.issue(who)}"))
    body = await _body(request, path) if request.method == "POST" else b""
    host = request.headers.get("host", "")
    answer = await parts.grafana.ask(who.caller.name, host, request.method, path, query, headers, body)
    if not await Watch(who, parts.clock).lasts():
        raise Unavailable(CHANGED)
    return _passed_on(request, answer)


async def _body(request: Request, path: str) -> bytes:
    """Raises Invalid for questions that are none."""
    raw = await bodies.read(request, parts_of(request).settings.body_timeout_s)
    if path != QUERY:
        return raw
    questions, _ = bodies.parsed(Questions, raw)
    try:
        return json.dumps(questions.to_our_source(), allow_nan=False).encode()
    except ValueError:
        raise Invalid("The questions have numbers that no field can take.") from None


def _passed_on(request: Request, answer: Answer) -> Response:
    """A large one in pieces, as a stream of the caller's: a slow reader holds back nothing but that."""
    response: Response
    if len(answer.body) <= PIECE_BYTES:
        response = Response(answer.body, answer.status)
    else:
        response = byte_stream(request, _pieces(answer.body), "application/octet-stream")
        response.status_code = answer.status
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    return response


async def _pieces(body: bytes) -> AsyncGenerator[bytes, None]:
    for begin in range(0, len(body), PIECE_BYTES):
        yield body[begin : begin + PIECE_BYTES]
