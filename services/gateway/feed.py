"""The feed of job events for one reader: those that the reader may see, without what the reader may not."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import structlog

from services.gateway.domain.access import Caller
from services.gateway.domain.discretion import shown
from services.gateway.follow import followed
from services.gateway.sse import ServerEvent
from shared.bus.bus import Bus
from shared.bus.follow import StreamReplaced
from shared.contracts import subjects
from shared.contracts.events import JobErrored, JobScheduled
from shared.contracts.job import FOREIGN

log = structlog.get_logger()

IDLE_S = 3600.0
"""How long to wait for an event before waiting for it again."""

EVENTS = 16
"""Under way to one reader at one time."""

_TELLING = (f"evt.job.{JobScheduled.fact}.", f"evt.job.{JobErrored.fact}.")
_FOREIGN = f'"{FOREIGN}"'.encode()
_ORIGIN = b'"address":"'
_USED = b'"usage":{'
"""Events that hold a command, environment or paths; that name a job of another VC in their reason; that say where the
request came from that caused them; that tell METRICS."""


class Feed:
    """Follows the events of jobs."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def follow(
        self, caller: Caller, after: int | None, job_id: str | None = None
    ) -> AsyncGenerator[ServerEvent, None]:
        """Events from now on, or after stream position `after` (0: all that the stream holds); of one job, or all."""
        never = asyncio.Event()
        filters = subjects_for(caller, job_id)
        start = None if after is None else after + 1
        if not filters:
            return
        while True:
            try:
                async with followed(self._bus, subjects.EVENTS, filters, start, EVENTS) as stream:
                    while True:
                        for message in await stream.next(never, IDLE_S):
                            event = seen_by(caller, message.subject, message.data)
                            if event is not None:
                                yield ServerEvent(event, id=message.metadata.sequence.stream)
            except StreamReplaced:
                start = 1


def subjects_for(caller: Caller, job_id: str | None) -> tuple[str, ...]:
    """What to follow: the events of the caller's virtual clusters, or all of them for an administrator."""
    if caller.admin:
        return (subjects.job_event("*", "*", job_id or "*"),)
    return tuple(subjects.job_event("*", vc, job_id or "*") for vc in caller.vcs)


def seen_by(caller: Caller, subject: str, payload: bytes) -> bytes | None:
    """The event as the caller may see it; None for one that nobody can read.

    Most travel as they are: the subjects let only those of one's VCs come. Where a request came from is for nobody.
    """
    try:
        event = json.loads(payload)
        _check(event)
        if not (_ORIGIN in payload or (not caller.admin and _tells(subject, payload))):
            return payload
        event["data"] = shown(caller, event["data"])
    except (ValueError, KeyError, TypeError) as error:
        log.error("event_unreadable", subject=subject, error=repr(error))
        return None
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def _tells(subject: str, payload: bytes) -> bool:
    """Whether there is something in it that not everybody in its VC may see."""
    return subject.startswith(_TELLING) or _FOREIGN in payload or _USED in payload


def _check(event: Any) -> None:
    """Raises KeyError or TypeError for what is no event of a job."""
    for name in ("id", "type", "subject"):
        event[name]
    event["data"]["job"]["id"]
