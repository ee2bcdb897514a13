"""Changes of jobs: one by its id, or many at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobyard.calls import API, Calls, job_path
from jobyard.models import Changes, Job, JobAction, JobFilter

_ONCE = frozenset({"resume", "force"})
"""A second one would be refused once the job is elsewhere, so these are not repeated when their answer was lost."""


class Acting(Calls):
    """Part of a Client."""

    def pause(self, job_id: str) -> Job:
        """Stop it with its grace period and keep it for later. Raises Conflict when that makes no sense now."""
        return self._act(job_id, "pause")

    def resume(self, job_id: str) -> Job:
        """Queue a paused job again. Raises Conflict when it is not paused."""
        return self._act(job_id, "resume")

    def kill(self, job_id: str) -> Job:
        """End it for good. Raises Conflict when it is over already."""
        return self._act(job_id, "kill")

    def force(self, job_id: str) -> Job:
        """Give up its run, whose node will not come back; for platform administrators.

        Raises Conflict while the node answers.
        """
        return self._act(job_id, "force")

    def set_priority(self, job_id: str, priority: int) -> Job:
        """Change its place in the queue: 1 to 1000, higher runs first. Raises Conflict once it runs."""
        response = self._transport.request("PATCH", job_path(job_id), body={"priority": priority})
        return self._parsed(Job, response.content)

    def change_many(
        self,
        action: JobAction | str,
        ids: Sequence[str] = (),
        *,
        filter: JobFilter | Mapping[str, Any] | None = None,
        priority: int | None = None,
        cursor: str | None = None,
        dry_run: bool = False,
    ) -> Changes:
        """Pause, resume, kill or move up to 1,000 jobs in one call: those with these ids, or those that a filter means.

        Each job has an outcome of its own. A filter may mean more: the answer's `next_cursor` goes on. With `dry_run`
        the jobs of a filter are named and none is changed. Raises Invalid.
        """
        body: dict[str, Any] = {"action": str(action)}
        if filter is not None:
            chosen = filter.model_dump(mode="json", exclude_unset=True) if isinstance(filter, JobFilter) else filter
            body |= {"filter": chosen, "dry_run": dry_run} | ({"cursor": cursor} if cursor else {})
        else:
            body["ids"] = list(ids)
        if priority is not None:
            body["priority"] = priority
        # As with a single job, a resume is not sent twice.
        response = self._transport.request("POST", f"{API}/jobs:batch", body=body, repeatable=action != "resume")
        return self._parsed(Changes, response.content)

    def _act(self, job_id: str, action: str) -> Job:
        response = self._transport.request("POST", job_path(job_id, action), repeatable=action not in _ONCE)
        return self._parsed(Job, response.content)
