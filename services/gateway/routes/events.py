"""The feed of everything that happens to the jobs that one may see."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway.door import caller_of
from services.gateway.parts import parts_of
from services.gateway.routes.documented import content, problems
from services.gateway.routes.parameters import LAST_EVENT_ID, last_event_id
from services.gateway.routes.streams import event_stream

router = APIRouter(prefix="/api/v1", tags=["events"])

JobFilter = Annotated[
    str | None, Query(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", description="Only the events of this job.")
]


@router.get(
    "/events",
    operation_id="followEvents",
    summary="Follow events",
    response_class=StreamingResponse,
    responses={
        **content("text/event-stream", "One JobEvent each, without a name; and `queue`, `nodes`, `reset` and `alive`."),
        **problems(422, 429),
    },
    openapi_extra={"parameters": [LAST_EVENT_ID]},
)
async def follow_events(request: Request, job_id: JobFilter = None) -> Response:
    """Server-sent events with a JobEvent as their data: from now on, or after `Last-Event-ID` (0: all there are).

    An event named `queue`, at most once a second, says that positions and reasons of queued jobs may have changed,
    whoever's doing that was; one named `nodes`, that a node has fallen silent or come back. One named `reset` stands
    where events were left out for a reader that was too slow: look anew at what is shown, or ask for them after the
    last `id` that came. The data of these is `{}`. One named `alive` comes first, and whenever nothing else has come
    for the seconds that its `within_s` says. None of them has an id.
    """
    after = last_event_id(request)
    return event_stream(request, parts_of(request).feed.follow(caller_of(request), after, job_id))
