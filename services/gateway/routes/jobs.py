"""Jobs: submit, look up, change."""

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from services.gateway import asking, bodies
from services.gateway.counting import CountQuery, counted
from services.gateway.domain.access import Right
from services.gateway.door import author_of, caller_of
from services.gateway.listing import JobQuery, asked
from services.gateway.parts import parts_of
from services.gateway.resources.changes import JobsChange, PriorityChange
from services.gateway.resources.jobs import Checkpoint, Job, JobEvents, JobPage, Validated
from services.gateway.resources.outcomes import Changes, Outcomes
from services.gateway.routes.answers import as_json
from services.gateway.routes.direct import DirectRoute
from services.gateway.routes.documented import body, problems
from services.gateway.routes.parameters import IDEMPOTENCY_KEY, JobPath
from shared.contracts.commands.changes import ChangeJob
from shared.contracts.commands.command import Command
from shared.contracts.commands.jobs import JobEventPage
from shared.contracts.commands.lists import JobCounts

router = APIRouter(prefix="/api/v1", tags=["jobs"], route_class=DirectRoute)

_HELLO = {"name": "hello", "command": "echo hello"}
_TRAINING = {
    "name": "digits",
    "command": ["python", "train.py", "--epochs", "30"],
    "work_path": "projects/digits",
    "device_type": "v100",
    "devices": 2,
    "cpus": 4,
    "priority": 200,
    "retries": 1,
    "labels": {"team": "vision"},
}
_SUBMIT: dict[str, Any] = {**body("JobRequest", smallest=_HELLO, training=_TRAINING), "parameters": [IDEMPOTENCY_KEY]}
_BATCH: dict[str, Any] = {**body("Batch", two={"jobs": [_HELLO, _TRAINING]}), "parameters": [IDEMPOTENCY_KEY]}


@router.post(
    "/jobs",
    operation_id="submitJob",
    summary="Submit a job",
    status_code=201,
    response_model=Job,
    responses=problems(403, 409, 413, 415, 422, 429),
    openapi_extra=_SUBMIT,
)
async def submit_job(request: Request) -> Response:
    """Stores the job durably and answers with it. With an `Idempotency-Key`, a repetition makes no second job."""
    parts, caller = parts_of(request), caller_of(request)
    raw = await bodies.read(request, parts.settings.body_timeout_s)
    stored = await parts.submissions.submit(caller, raw, request.headers.get("idempotency-key"), author_of(request))
    warnings = await parts.foresights.of_submitted(stored)
    return as_json(parts.yard.submitted(caller, stored, warnings), 201, {"Location": f"/api/v1/jobs/{stored.id}"})


@router.post(
    "/jobs:validate",
    operation_id="validateJob",
    summary="Check a submission without storing it",
    response_model=Validated,
    responses=problems(403, 409, 413, 415, 422, 429),
    openapi_extra=body("JobRequest", smallest=_HELLO, training=_TRAINING),
)
async def validate_job(request: Request) -> Response:
    """Answers with the job as it would be, or with the problem that its submission would be refused with."""
    parts, caller = parts_of(request), caller_of(request)
    raw = await bodies.read(request, parts.settings.body_timeout_s)
    job = await parts.submissions.validate(caller, raw, author_of(request))
    planned = parts.yard.submitted(caller, job).model_copy(update={"actions": ()})
    return as_json(Validated(job=planned, warnings=await parts.foresights.of(job)))


@router.post(
    "/jobs:submit-batch",
    operation_id="submitBatch",
    summary="Submit up to 1,000 jobs at once",
    status_code=207,
    response_model=Outcomes,
    responses=problems(413, 415, 422, 429),
    openapi_extra=_BATCH,
)
async def submit_batch(request: Request) -> Response:
    """Each submission is stored or refused for itself; the outcomes are in order."""
    parts = parts_of(request)
    raw = await bodies.read(request, parts.settings.body_timeout_s)
    outcomes = await parts.submissions.submit_batch(
        caller_of(request), raw, request.headers.get("idempotency-key"), author_of(request)
    )
    return as_json(Outcomes(outcomes=tuple(outcomes)), 207, exclude_none=True)


_MANY: dict[str, Any] = body(
    "JobsChange",
    ids={"action": "kill", "ids": ["01JD8F2M5V7Q0R3S6T9W2X4Y8Z"]},
    filter={"action": "priority", "priority": 300, "filter": {"status": ["queued"], "label": {"team": "vision"}}},
)


@router.post(
    "/jobs:batch",
    operation_id="changeJobs",
    summary="Pause, resume, kill or move up to 1,000 jobs at once",
    status_code=207,
    response_model=Changes,
    responses=problems(413, 415, 422),
    openapi_extra=_MANY,
)
async def change_jobs(request: Request) -> Response:
    """Each job is changed (202, a priority 200) or refused for itself. A filter means at most 1,000 jobs per call."""
    parts = parts_of(request)
    wish, _ = bodies.parsed(JobsChange, await bodies.read(request, parts.settings.body_timeout_s))
    changes = await parts.bulk.change(caller_of(request), wish, author_of(request))
    return as_json(changes, 207, exclude_none=True)


@router.get("/jobs", operation_id="listJobs", summary="List jobs", response_model=JobPage, responses=problems(422))
async def list_jobs(request: Request, query: Annotated[JobQuery, Query()]) -> Response:
    """The caller's jobs, newest first; with `scope=all` everybody's that wait, in the order of the queue.

    While jobs arrive, none is seen twice or missed in the order of ids, names or submissions; in an order that changes,
    one that moves meanwhile may be.
    """
    caller = caller_of(request)
    return as_json(await parts_of(request).yard.page(caller, asked(caller, query)))


@router.get(
    "/jobs:counts",
    operation_id="countJobs",
    summary="How many jobs run, wait, are paused, have failed",
    response_model=JobCounts,
    responses=problems(422),
)
async def count_jobs(request: Request, query: Annotated[CountQuery, Query()]) -> Response:
    """Of the caller's jobs; with `scope=all` of everybody's that are not over, as in the list. Cheap to ask for."""
    return as_json(await parts_of(request).yard.counts(counted(caller_of(request), query)))


@router.get(
    "/jobs/{job_id}", operation_id="getJob", summary="Look at a job", response_model=Job, responses=problems(404, 422)
)
async def get_job(request: Request, job_id: JobPath) -> Response:
    """The whole job. One that waits says why in `reason`."""
    return as_json(await parts_of(request).yard.get(caller_of(request), job_id))


@router.get(
    "/jobs/{job_id}/events",
    operation_id="getJobEvents",
    summary="What happened to a job",
    response_model=JobEvents,
    responses=problems(404, 422),
)
async def get_job_events(request: Request, job_id: JobPath) -> Response:
    """Everything that happened to the job as CloudEvents, in order, never behind its `version`."""
    events = await parts_of(request).yard.events(caller_of(request), job_id)
    return as_json(JobEventPage.model_construct(items=tuple(events)), exclude_none=False)


@router.get(
    "/jobs/{job_id}/checkpoint",
    operation_id="getJobCheckpoint",
    summary="When a running job wrote its last checkpoint",
    response_model=Checkpoint,
    responses=problems(403, 404, 422),
)
async def get_job_checkpoint(request: Request, job_id: JobPath) -> Response:
    """What the job did since then is lost when it stops without writing another one."""
    parts = parts_of(request)
    await parts.yard.stored(caller_of(request), job_id, Right.READ_METRICS)
    return as_json(await parts.checkpoints.of(job_id))


@router.patch(
    "/jobs/{job_id}",
    operation_id="updateJob",
    summary="Change a job's priority",
    response_model=Job,
    responses=problems(403, 404, 409, 413, 415, 422),
    openapi_extra=body("PriorityChange", first={"priority": 900}),
)
async def update_job(request: Request, job_id: JobPath) -> Response:
    """Changes the job's place in the queue; 409 once it runs."""
    parts = parts_of(request)
    change, _ = bodies.parsed(PriorityChange, await bodies.read(request, parts.settings.body_timeout_s))
    caller, author = caller_of(request), author_of(request)
    return as_json(await parts.yard.set_priority(caller, job_id, change.priority, author))


def _change(request: Request, command: Command[ChangeJob, Job], job_id: str) -> Awaitable[Job]:
    parts = parts_of(request)
    return parts.yard.change(caller_of(request), command, job_id, author_of(request))


@router.post(
    "/jobs/{job_id}/pause",
    operation_id="pauseJob",
    summary="Pause a job",
    status_code=202,
    response_model=Job,
    responses=problems(403, 404, 409, 422),
)
async def pause_job(request: Request, job_id: JobPath) -> Response:
    """SIGTERM, the grace period, SIGKILL; the devices are released and the job waits for `resume`."""
    return as_json(await _change(request, asking.PAUSE, job_id), 202)


@router.post(
    "/jobs/{job_id}/resume",
    operation_id="resumeJob",
    summary="Resume a paused job",
    status_code=202,
    response_model=Job,
    responses=problems(403, 404, 409, 422),
)
async def resume_job(request: Request, job_id: JobPath) -> Response:
    """Queues it again; the command starts anew with `JOBYARD_RESUME=1` and its last checkpoint."""
    return as_json(await _change(request, asking.RESUME, job_id), 202)


@router.post(
    "/jobs/{job_id}/kill",
    operation_id="killJob",
    summary="End a job for good",
    status_code=202,
    response_model=Job,
    responses=problems(403, 404, 409, 422),
)
async def kill_job(request: Request, job_id: JobPath) -> Response:
    """Once accepted it happens: SIGTERM, the grace period, SIGKILL."""
    return as_json(await _change(request, asking.KILL, job_id), 202)


@router.post(
    "/jobs/{job_id}/force",
    operation_id="forceJob",
    summary="Give up the run of a job whose node will not come back",
    status_code=202,
    response_model=Job,
    responses=problems(403, 404, 409, 422),
)
async def force_job(request: Request, job_id: JobPath) -> Response:
    """For platform administrators; 409 while the node answers. The run is lost: its job is queued again, and one that
    was being killed or paused is killed or paused. What a node that was merely cut off still runs, it goes on running.
    """
    forced = await parts_of(request).forcing.force(caller_of(request), job_id, author_of(request))
    return as_json(forced, 202)
