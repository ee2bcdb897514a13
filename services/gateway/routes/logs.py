"""Consoles: the last lines, followed, or the whole output of an attempt."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.gateway.domain.access import Right
from services.gateway.door import caller_of
from services.gateway.parts import parts_of
from services.gateway.resources.jobs import LogTail
from services.gateway.routes.documented import content, problems
from services.gateway.routes.parameters import LAST_EVENT_ID, JobPath, last_event_id
from services.gateway.routes.streams import byte_stream, event_stream
from services.gateway.tails import Page
from shared.contracts.endpoints import missing_rank
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import HOLDING, Job
from shared.contracts.logs import LINES_KEPT, LogGap, LogLine

router = APIRouter(prefix="/api/v1/jobs/{job_id}/logs", tags=["console"])

LINES = TypeAdapter(tuple[LogLine, ...])
PLAIN = "text/plain; charset=utf-8"
Paced = Annotated[
    bool,
    Query(
        description="At most an event every 100 ms, of what came meanwhile; of more than 2,000 lines only the newest, "
        "and `skipped` says how many are left out. For showing a console to somebody."
    ),
]
OfRank = Annotated[int | None, Query(ge=0, le=1023, description="Of one rank alone; default: of all.")]
Count = Annotated[int, Query(ge=1, le=LINES_KEPT, description="How many of the last lines.")]


@router.get(
    "",
    operation_id="getJobLogs",
    summary="The last lines of a console",
    response_model=LogTail,
    responses={**content("text/plain", "The lines, as JSON or bare."), **problems(403, 404, 422, 429)},
)
async def get_job_logs(request: Request, job_id: JobPath, tail: Count = LINES_KEPT, rank: OfRank = None) -> Response:
    """Lines with their ranks, numbers, times and streams, the gaps between them, and what stands in lines that have not
    ended (`unfinished`); bare lines with `Accept: text/plain`.

    More than about 400 KiB of them are a stream: it counts as one, and one that is cut stays unfinished.
    """
    parts = parts_of(request)
    job = await parts.yard.stored(caller_of(request), job_id, Right.READ_CONSOLE)
    require_rank(job, rank)
    found = await parts.console.tail(job_id, tail, rank)
    runs = job.attempt if job.status in HOLDING else None
    written = _bare(found.pages) if _wants_plain(request) else _in_json(found.pages, runs)
    media_type = PLAIN if _wants_plain(request) else "application/json"
    if found.more:
        return byte_stream(request, written, media_type)
    return Response(b"".join([piece async for piece in written]), media_type=media_type)


@router.get(
    "/follow",
    operation_id="followJobLogs",
    summary="Follow a console",
    response_class=StreamingResponse,
    responses={
        **content("text/event-stream", "Events `lines`, `end` and `alive`."),
        **problems(403, 404, 422, 429),
    },
    openapi_extra={"parameters": [LAST_EVENT_ID]},
)
async def follow_job_logs(
    request: Request, job_id: JobPath, tail: Count = LINES_KEPT, paced: Paced = False, rank: OfRank = None
) -> Response:
    """Server-sent events: `lines` with a LogTail as its data, first of the last lines, then of each new one, and where
    one that has not ended looks different; at last `end`, when the job is over and everything was sent. `alive` comes
    first, and whenever nothing else has come for the seconds that its `within_s` says.
    """
    parts, caller = parts_of(request), caller_of(request)
    after = last_event_id(request)
    require_rank(await parts.yard.stored(caller, job_id, Right.READ_CONSOLE), rank)
    return event_stream(request, parts.console.follow(job_id, tail, after, at_a_pace=paced, rank=rank))


@router.get(
    "/download",
    operation_id="downloadJobLogs",
    summary="An attempt's whole output",
    response_class=StreamingResponse,
    responses={
        **content("text/plain", "The output as it was."),
        **problems(403, 404, 422, 429),
    },
)
async def download_job_logs(
    request: Request,
    job_id: JobPath,
    attempt: Annotated[int | None, Query(ge=1, description="Default: the last attempt.")] = None,
    rank: OfRank = None,
) -> Response:
    """Everything that an attempt wrote, while the node that ran it still has the file; then 404. Of several ranks one
    after the other, each under a line `==> rank 1 <==`.
    """
    parts = parts_of(request)
    job = await parts.yard.stored(caller_of(request), job_id, Right.READ_CONSOLE)
    require_rank(job, rank)
    chosen = attempt or job.attempt
    pieces = parts.console.download(job_id, chosen, rank)
    first = await anext(pieces)
    one = "" if rank is None else f"-rank{rank}"
    headers = {"Content-Disposition": f'attachment; filename="{job.name}-{job_id}.{chosen}{one}.log"'}
    return byte_stream(request, _from_first(first, pieces), PLAIN, headers)


def require_rank(job: Job, rank: int | None) -> None:
    """Raises Invalid for a rank that the job does not have."""
    if rank is not None and rank >= job.nodes:
        raise Invalid(missing_rank(job.nodes), errors=(FieldError(field="rank", message=missing_rank(job.nodes)),))


async def _from_first(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for piece in pieces:
            yield piece
    finally:
        await pieces.aclose()


async def _bare(pages: AsyncGenerator[Page, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(pages):
        async for page in pages:
            yield "".join(f"{line.text}\n" for line in page.lines).encode()


async def _in_json(pages: AsyncGenerator[Page, None], attempt: int | None) -> AsyncGenerator[bytes, None]:
    """One LogTail, written page by page. `attempt`: whose lines may not have ended; none when nothing runs."""
    before, gaps, unfinished = b'{"lines":[', list[LogGap](), list[LogLine]()
    async with aclosing(pages):
        async for page in pages:
            gaps += page.gaps
            unfinished += [line for line in page.unfinished or () if line.attempt == attempt]
            if page.lines:
                yield before + LINES.dump_json(page.lines)[1:-1]
                before = b","
    rest = LogTail.model_construct(lines=(), gaps=tuple(gaps), unfinished=tuple(unfinished)).model_dump_json()
    yield (b"" if before == b"," else before) + b"]" + rest.removeprefix('{"lines":[]').encode()


def _wants_plain(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "text/plain" in accepted and "application/json" not in accepted
