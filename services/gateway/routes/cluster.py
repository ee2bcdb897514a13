"""The yard as a whole, now and over the last week; and what a submission may say."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.door import caller_of
from services.gateway.parts import parts_of
from services.gateway.resources.cluster import Cluster, ClusterHistory
from services.gateway.resources.options import SubmitOptions
from services.gateway.routes.answers import as_json
from services.gateway.routes.documented import problems

router = APIRouter(prefix="/api/v1", tags=["cluster"])


class HistoryQuery(BaseModel):
    """Which moments are asked for."""

    model_config = ConfigDict(extra="forbid")

    start: str | None = Field(
        None,
        max_length=40,
        description="RFC 3339 with its zone, seconds since 1970, or `-1d` for so long ago. Default: an hour before the "
        "end.",
    )
    end: str | None = Field(None, max_length=40, description="Likewise. Default: now.")
    step: str | None = Field(
        None,
        max_length=20,
        description="Between two values: seconds, or as in `30s`, `5m`; at least 1 s, and at most 11,000 values. "
        "Default: what makes about 240 values.",
    )


@router.get(
    "/cluster",
    operation_id="getCluster",
    summary="The nodes, who holds what, and who waits",
    response_model=Cluster,
    responses=problems(),
)
async def get_cluster(request: Request) -> Response:
    """For everybody who is signed in. Jobs that the caller may not know of hold their devices without a name, and wait
    without their virtual cluster.
    """
    parts, caller = parts_of(request), caller_of(request)
    vcs = [vc.id for vc in await parts.vcs.all()] if caller.admin else list(caller.vcs)
    return as_json(await parts.clusters.now(caller, vcs))


@router.get(
    "/cluster/history",
    operation_id="getClusterHistory",
    summary="The queue and the devices, over time",
    response_model=ClusterHistory,
    responses=problems(422),
)
async def get_cluster_history(request: Request, query: Annotated[HistoryQuery, Query()]) -> Response:
    """Of the whole yard, and of each virtual cluster that the caller belongs to; of every one for platform
    administrators. The last 7 days are kept.
    """
    found = await parts_of(request).clusters.history(caller_of(request), query.start, query.end, query.step)
    return as_json(found)


@router.get(
    "/submit-options",
    operation_id="getSubmitOptions",
    summary="What a submission may say",
    response_model=SubmitOptions,
    responses=problems(),
)
async def get_submit_options(request: Request) -> Response:
    """The virtual clusters that the caller may submit to with what they allow, what the nodes have, and the limits of
    every field. `POST /api/v1/jobs:validate` says of a whole submission whether it would be taken.
    """
    return as_json(await parts_of(request).options.of(caller_of(request)))
