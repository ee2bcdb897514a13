"""What a job uses, over time."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.door import caller_of
from services.gateway.parts import parts_of
from services.gateway.resources.metrics import JobMetrics
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import problems
from services.gateway.routes.parameters import JobPath

router = APIRouter(prefix="/api/v1/jobs/{job_id}/metrics", tags=["metrics"])


class MetricsQuery(BaseModel):
    """Which moments are asked for."""

    model_config = ConfigDict(extra="forbid")

    start: str | None = Field(
        None,
        max_length=40,
        description="RFC 3339 with its zone, seconds since 1970, or `-1h` for so long ago. "
        "Default: an hour before the end, but not before the job.",
    )
    end: str | None = Field(
        None, max_length=40, description="Likewise. Default: the end of the job, or now while it goes on."
    )
    step: str | None = Field(
        None,
        max_length=20,
        description="Between two points: seconds, or as in `15s`, `5m`; at least 1 s, and at most 11,000 points. "
        "Default: what makes about 240 points.",
    )


@router.get(
    "",
    operation_id="getJobMetrics",
    summary="What a job uses, over time",
    response_model=JobMetrics,
    responses=problems(403, 404, 422),
)
async def get_job_metrics(request: Request, job_id: JobPath, query: Annotated[MetricsQuery, Query()]) -> Response:
    """CPU, memory, network, block I/O, GPUs and NPUs, and what the job reports; at first the last hour of its life.

    From Prometheus where the platform has one; else the last hour of each job is there. Simulated devices have no
    series.
    """
    measured = parts_of(request).measured
    return as_json(await measured.metrics(caller_of(request), job_id, query.start, query.end, query.step))
