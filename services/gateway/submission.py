"""Submissions: from a request body to a stored job, or to a problem that says what to change."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import Field, JsonValue

from services.gateway import idempotency
from services.gateway.asking import Stored
from services.gateway.audited import Author
from services.gateway.beyond import Beyond
from services.gateway.bodies import fingerprint, parsed
from services.gateway.domain.access import Caller, check_submission
from services.gateway.domain.batches import size_of
from services.gateway.domain.bounds import bounded
from services.gateway.domain.throttle import Throttle
from services.gateway.environment import told
from services.gateway.joiner import Joiner
from services.gateway.paths import Paths
from services.gateway.problems import problem_of, too_many
from services.gateway.recipients import Inquiry, Recipients
from services.gateway.registries.pinning import Pinning, Request
from services.gateway.resources.body import Body
from services.gateway.resources.jobs import Job
from services.gateway.resources.outcomes import Outcome
from services.gateway.resources.submissions import BATCH_JOBS, JobRequest
from services.gateway.secrets import Secrets, absent
from services.gateway.vcs import Vcs
from shared import tracing
from shared.clock import Clock
from shared.contracts import job as contract
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import FieldError, InternalError, Invalid, Refusal, Unavailable, refusal_from
from shared.ids import new_id

REQUEST_BYTES = 200 * 1024
"""The most that a submission takes as JSON, where control characters take six bytes each."""
SMALL_BYTES = 32 * 1024
CHECKS_PER_MINUTE = 300
"""The submissions that one user may have checked, where there is a limit at all: as many as fast typing asks for."""
CREATED = 201


class _Envelope(Body):
    """A batch whose submissions are looked at one by one."""

    jobs: tuple[JsonValue, ...] = Field(min_length=1, max_length=BATCH_JOBS)


@dataclass(frozen=True)
class _Accepted:
    job: NewJob
    size: int


@dataclass(frozen=True)
class _Ask:
    """What is the same for all submissions of one request. `images`: none, if no registry is asked."""

    author: Author
    inquiry: Inquiry
    images: Request | None


class Submissions:
    """Takes submissions. Its methods raise Refusals."""

    def __init__(
        self,
        joiner: Joiner,
        paths: Paths,
        beyond: Beyond,
        vcs: Vcs,
        secrets: Secrets,
        recipients: Recipients,
        pinning: Pinning,
        clock: Clock,
        per_minute: int | None,
    ) -> None:
        self._joiner = joiner
        self._paths = paths
        self._beyond = beyond
        self._vcs = vcs
        self._secrets = secrets
        self._recipients = recipients
        self._pinning = pinning
        self._clock = clock
        self._per_minute = per_minute
        self._recent = Throttle(per_minute) if per_minute is not None else None
        self._checks = Throttle(max(per_minute, CHECKS_PER_MINUTE)) if per_minute is not None else None

    async def validate(self, caller: Caller, raw: bytes, author: Author) -> Job:
        """The job that `submit` would store of this body, or the Refusal that it would raise. Nothing is stored."""
        self._count_check(caller)
        request, plain = parsed(JobRequest, raw)
        ask = _Ask(author, self._recipients.inquiry(), None)
        accepted = await self._accepted(caller, request, len(raw), None, plain, ask)
        return _job_of(await self._joiner.validate(accepted.job))

    async def submit(self, caller: Caller, raw: bytes, key: str | None, author: Author) -> Job:
        """The stored job; the same one again for a key and a body that were there before."""
        self._count(caller, 1)
        request, plain = parsed(JobRequest, raw)
        accepted = await self._accepted(caller, request, len(raw), key, plain, self._ask(author))
        return _job_of(await self._joiner.submit(accepted.job, accepted.size))

    async def submit_batch(self, caller: Caller, raw: bytes, key: str | None, author: Author) -> list[Outcome]:
        """What became of each, in order; what is wrong with one does not touch the others.

        Raises Unavailable for all of them, before any is stored, when whoever has to be asked about one is away.
        """
        _, plain = parsed(_Envelope, raw)
        items: list[Any] = plain["jobs"]
        self._count(caller, len(items))
        ask = self._ask(author)
        checked = [
            await self._checked(caller, item, f"{key}#{number}" if key else None, ask)
            for number, item in enumerate(items)
        ]
        accepted = [item for item in checked if isinstance(item, _Accepted)]
        stored = iter(
            await self._joiner.submit_all([item.job for item in accepted], [item.size for item in accepted])
            if accepted
            else ()
        )
        return [_refused(item) if isinstance(item, Refusal) else _outcome(next(stored)) for item in checked]

    def _ask(self, author: Author) -> _Ask:
        return _Ask(author, self._recipients.inquiry(), self._pinning.request())

    async def _checked(self, caller: Caller, item: object, key: str | None, ask: _Ask) -> _Accepted | Refusal:
        encoded = json.dumps(item, ensure_ascii=False).encode()
        try:
            request, plain = parsed(JobRequest, encoded)
            return await self._accepted(caller, request, len(encoded), key, plain, ask)
        except Unavailable:
            raise
        except Refusal as refusal:
            return refusal

    async def _accepted(
        self, caller: Caller, request: JobRequest, size: int, key: str | None, plain: object, ask: _Ask
    ) -> _Accepted:
        idempotency.checked(key)
        check_submission(caller, request.vc, request.owner)
        policy = await self._vcs.policy_of(request.vc)
        request = bounded(caller, request, policy)
        await self._paths.check(request)
        stored = told(request)
        if stored.secrets:
            await self._check_secrets(caller.name, stored)
        await ask.inquiry.check(request.notify)
        run_image = await self._pinning.of(request.image, policy.image, request.vc, ask.images)
        job = NewJob(
            id=new_id(),
            owner=caller.name,
            actor=ask.author.actor,
            request=stored,
            idempotency_key=key,
            fingerprint=fingerprint(plain) if key is not None else None,
            correlation_id=ask.author.request_id,
            traceparent=tracing.current(),
            most_open=policy.jobs_per_user,
            run_image=run_image,
        )
        accepted = _Accepted(job, size_of(_size(stored, size)))
        await self._beyond.check(request)
        return accepted

    async def _check_secrets(self, owner: str, request: contract.JobRequest) -> None:
        """Raises Invalid for a name that neither the owner nor the VC has a secret for."""
        missing = set(await self._secrets.missing(owner, request.vc, request.secrets.values()))
        errors = tuple(
            FieldError(field=f"env.{variable}", message=absent(name, owner, request.vc))
            for variable, name in request.secrets.items()
            if name in missing
        )
        if errors:
            raise Invalid(errors[0].message, errors)

    def _count_check(self, caller: Caller) -> None:
        """Raises TooMany. A form asks whenever somebody stops typing: that uses up nothing of what they may submit."""
        if self._checks is None:
            return
        now = self._clock.monotonic()
        wait_s = self._checks.wait_s(caller.name, now)
        if wait_s > 0:
            raise too_many(
                "You have had too many submissions checked within a minute. Wait before the next one.", wait_s
            )
        self._checks.add(caller.name, now)

    def _count(self, caller: Caller, count: int) -> None:
        """Raises TooMany for more than a minute's, Invalid for a batch that no minute has room for."""
        if self._recent is None or self._per_minute is None:
            return
        if count > self._per_minute:
            message = f"holds {count}, and a user may submit {self._per_minute} jobs within a minute; divide it"
            raise Invalid(f"jobs: {message}.", (FieldError(field="jobs", message=message),))
        now = self._clock.monotonic()
        wait_s = self._recent.wait_s(caller.name, now, count)
        if wait_s > 0:
            raise too_many("You have submitted too many jobs within a minute. Wait before the next one.", wait_s)
        self._recent.add(caller.name, now, count)


def _size(request: contract.JobRequest, body_bytes: int) -> int:
    """Bytes of its JSON. Raises Invalid for one that would not fit in the messages of a job's life."""
    if body_bytes <= SMALL_BYTES:
        return body_bytes
    size = len(request.model_dump_json().encode())
    if size > REQUEST_BYTES:
        message = f"takes {size} bytes as JSON together with env and labels, above {REQUEST_BYTES}; put it into a file"
        raise Invalid(f"command: {message}.", (FieldError(field="command", message=message),))
    return size


def _job_of(outcome: Stored) -> Job:
    """Raises the Refusal."""
    if outcome.refusal is not None:
        raise refusal_from(outcome.refusal)
    if outcome.job is None:
        raise InternalError("The jobs service took the job but did not show it. Look for it in your list.")
    return outcome.job


def _refused(refusal: Refusal) -> Outcome:
    return Outcome(status=refusal.status, problem=problem_of(refusal))


def _outcome(stored: Stored) -> Outcome:
    if stored.refusal is not None:
        return _refused(refusal_from(stored.refusal))
    return Outcome(status=CREATED, id=stored.id)
