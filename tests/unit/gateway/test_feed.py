"""The feed withholds METRICS as every other look at an event does."""

import json

from services.gateway.domain.access import Caller, Role
from services.gateway.feed import seen_by
from services.jobs.domain.document import events_after
from services.jobs.domain.signals import Place
from tests.support.documents import ALLOCATION, after, exited, queued, started

MEMBER_OF = {"default": Role.MEMBER}
OPEN = Caller("bob", admin=False, vcs=MEMBER_OF)
CLOSED = Caller("carl", admin=False, vcs=MEMBER_OF, closed=frozenset(MEMBER_OF))


def test_the_feed_tells_what_an_attempt_has_used_to_those_who_may_read_the_job_s_metrics() -> None:
    job = after(queued(), Place(ALLOCATION), started(), exited(0))
    subject, event = events_after(job, job.version - 1)[0]
    payload = event.model_dump_json().encode()
    told, untold = seen_by(OPEN, subject, payload), seen_by(CLOSED, subject, payload)
    assert told is not None
    assert untold is not None
    assert json.loads(told) == json.loads(payload)
    assert json.loads(told)["data"]["usage"]["seconds"] == 0.0
    assert json.loads(untold)["data"]["usage"] is None
