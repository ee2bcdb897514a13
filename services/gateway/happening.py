"""One event of a job on its way to many readers: read once, and written once for all who see the same of it.

Most travel as they are. Where a request came from is for nobody; a command, an environment, paths, the id of another
virtual cluster's job and METRICS are for some.
"""

import json
from functools import cached_property
from typing import Any

import structlog

from services.gateway.domain.access import Caller
from services.gateway.domain.discretion import Sight, Subject, shown, sight
from services.gateway.sse import ServerEvent
from shared.contracts.events import JobErrored, JobScheduled
from shared.contracts.job import FOREIGN

log = structlog.get_logger()

_TELLING = (f"evt.job.{JobScheduled.fact}.", f"evt.job.{JobErrored.fact}.")
_FOREIGN = f'"{FOREIGN}"'.encode()
_ORIGIN = b'"address":"'
_USED = b'"usage":{'
"""Events that hold a command, environment or paths; that name a job of another VC in their reason; that say where the
request came from that caused them; that tell METRICS."""

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What is raised over a payload that is no event of a job, whatever it is: all readers would stumble over it."""


class Happening:
    """An event as the stream has it, and as each sight of its job shows it."""

    def __init__(self, subject: str, payload: bytes, sequence: int) -> None:
        self.vc, self.job_id = subject.split(".")[4:6]
        self._subject = subject
        self._payload = payload
        self._sequence = sequence
        self._as_it_is: ServerEvent | None = None
        self._shown: dict[Sight, ServerEvent | None] = {}

    def seen_by(self, caller: Caller) -> ServerEvent | None:
        """The event as the caller may see it; None for one that nobody can read."""
        if self._event is None:
            return None
        if not (self._has_origin or (self._tells and not caller.admin)):
            self._as_it_is = self._as_it_is or ServerEvent(self._payload, id=self._sequence)
            return self._as_it_is
        job = self._event["data"]["job"]
        seen = sight(caller, Subject(job["id"], job["owner"], job["vc"]))
        if seen not in self._shown:
            self._shown[seen] = self._without_what_is_withheld(caller, self._event)
        return self._shown[seen]

    def _without_what_is_withheld(self, caller: Caller, event: dict[str, Any]) -> ServerEvent | None:
        try:
            text = json.dumps(
                {**event, "data": shown(caller, event["data"])}, ensure_ascii=False, separators=(",", ":")
            )
            return ServerEvent(text.encode(), id=self._sequence)
        except UNREADABLE as error:
            log.error("event_unreadable", subject=self._subject, error=repr(error))
            return None

    @cached_property
    def _event(self) -> dict[str, Any] | None:
        try:
            event: dict[str, Any] = json.loads(self._payload)
            _check(event)
        except UNREADABLE as error:
            log.error("event_unreadable", subject=self._subject, error=repr(error))
            return None
        return event

    @cached_property
    def _has_origin(self) -> bool:
        return _ORIGIN in self._payload

    @cached_property
    def _tells(self) -> bool:
        """Whether there is something in it that not everybody in its VC may see."""
        return self._subject.startswith(_TELLING) or _FOREIGN in self._payload or _USED in self._payload


def _check(event: Any) -> None:
    """Raises one of UNREADABLE for what is no event of a job."""
    for name in ("id", "type", "subject"):
        event[name]
    job = event["data"]["job"]
    for name in ("id", "owner", "vc"):
        job[name].encode()
