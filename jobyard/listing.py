"""Lists of jobs, and one job by its id."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal, TypedDict, Unpack

from jobyard.calls import API, Calls, in_utc, job_path
from jobyard.models import Job, JobPage, JobStatus
from jobyard.transport import parameters


class Conditions(TypedDict, total=False):
    """Which jobs a list holds; all of them have to be met.

    scope: "mine" (every status, newest first), or "all" (everybody's that wait, in the order of the queue).
    q: a job's id, or the beginning of its name. sort: a column, `-` before it for downwards, for example "-priority".
    """

    scope: Literal["mine", "all"]
    status: Iterable[JobStatus | str]
    vc: str | None
    owner: str | None
    device_type: str | None
    preemptible: bool | None
    labels: Mapping[str, str]
    submitted_after: datetime | None
    submitted_before: datetime | None
    finished_after: datetime | None
    finished_before: datetime | None
    q: str | None
    sort: str | None


class Listing(Calls):
    """Part of a Client."""

    def get(self, job_id: str) -> Job:
        """One job. Raises NotFound."""
        return self._read(Job, job_path(job_id))

    def jobs(self, *, page_size: int = 100, **conditions: Unpack[Conditions]) -> Iterator[Job]:
        """My jobs, newest first, fetched page by page; with `scope="all"` everybody's that wait, as the queue is."""
        cursor: str | None = None
        while True:
            page = self.job_page(limit=page_size, cursor=cursor, **conditions)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def job_page(self, *, limit: int = 50, cursor: str | None = None, **conditions: Unpack[Conditions]) -> JobPage:
        """One page of such a list; `total` counts them all. It may be short where few jobs of a long list match."""
        params = parameters(
            scope=conditions.get("scope", "mine"),
            status=",".join(str(item) for item in conditions.get("status") or ()) or None,
            vc=conditions.get("vc"),
            owner=conditions.get("owner"),
            device_type=conditions.get("device_type"),
            preemptible=conditions.get("preemptible"),
            label=[f"{key}={value}" for key, value in (conditions.get("labels") or {}).items()] or None,
            submitted_after=in_utc(conditions.get("submitted_after")),
            submitted_before=in_utc(conditions.get("submitted_before")),
            finished_after=in_utc(conditions.get("finished_after")),
            finished_before=in_utc(conditions.get("finished_before")),
            q=conditions.get("q"),
            sort=conditions.get("sort"),
            limit=limit,
            cursor=cursor,
        )
        return self._read(JobPage, f"{API}/jobs", params)
