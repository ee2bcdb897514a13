"""The feed withholds METRICS as every other look at an event does."""

import json

from services.gateway.domain.access import Caller, Role
from services.gateway.happening import Happening
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
    happening = Happening(subject, payload, 7)
    told, untold = happening.seen_by(OPEN), happening.seen_by(CLOSED)
    assert told is not None
    assert untold is not None
    assert (told.id, untold.id) == (7, 7)
    assert json.loads(told.data) == json.loads(payload)
    assert json.loads(told.data)["data"]["usage"]["seconds"] == 0.0
    assert json.loads(untold.data)["data"]["usage"] is None
