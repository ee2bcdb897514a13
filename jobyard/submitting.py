"""Submissions of a Client: one, many at once, or only checked."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from jobyard.calls import API, Calls
from jobyard.models import Job, JobRequest, Outcome, Outcomes, Validated

Request = JobRequest | Mapping[str, Any]


class Submitting(Calls):
    """Part of a Client."""

    def submit(self, request: Request | None = None, /, *, idempotency_key: str | None = None, **fields: Any) -> Job:
        """Submit one job: `submit(name="hello", command="echo hello")`; the fields are those of `JobRequest`.

        A connection that breaks is tried again without making a second job. With your own `idempotency_key`, the
        same submission answers with the same job for 24 h. Raises Invalid (its `errors` name the fields).
        """
        key = idempotency_key or str(uuid.uuid4())
        body = {**_as_fields(request or {}), **fields}
        response = self._transport.request("POST", f"{API}/jobs", body=body, headers={"Idempotency-Key": key})
        return self._parsed(Job, response.content)

    def validate(self, request: Request | None = None, /, **fields: Any) -> Validated:
        """The job as `submit` would store it, with warnings; nothing is stored. Raises what `submit` would raise."""
        body = {**_as_fields(request or {}), **fields}
        return self._parsed(Validated, self._transport.request("POST", f"{API}/jobs:validate", body=body).content)

    def submit_batch(self, requests: Iterable[Request], *, idempotency_key: str | None = None) -> list[Outcome]:
        """Submit up to 1,000 jobs at once. Each outcome, in order, has the new job's id or the problem with it."""
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        body = {"jobs": [_as_fields(request) for request in requests]}
        response = self._transport.request("POST", f"{API}/jobs:submit-batch", body=body, headers=headers)
        return self._parsed(Outcomes, response.content).outcomes


def _as_fields(request: Request) -> dict[str, Any]:
    if isinstance(request, JobRequest):
        return request.model_dump(mode="json", exclude_unset=True)
    return dict(request)
