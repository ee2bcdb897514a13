"""When an endpoint that nobody uses is warned of and closed."""

from datetime import UTC, datetime, timedelta

import pytest

from services.endpoints.domain.document import EndpointDocument, Entry, RunPlace
from services.endpoints.domain.idling import is_near_its_end, verdict
from services.endpoints.domain.machine import Idle, Unused, Used, decide
from shared.contracts.endpoints import EndpointStatus
from shared.contracts.job import Actor
from tests.support.endpoints import endpoint

READY = datetime(2026, 1, 1, 12, tzinfo=UTC)
ACTOR = Actor(kind="service", name="endpoints")
HOUR = 3600


def ready(used_after_s: float | None = None) -> EndpointDocument:
    used = None if used_after_s is None else READY + timedelta(seconds=used_after_s)
    entry = Entry(version=5, fact="ready", time=READY, actor=ACTOR, attempt=1)
    run = RunPlace(attempt=1, executor="local")
    return endpoint(status=EndpointStatus.READY, run=run, history=(entry,), last_used_at=used)


def after(seconds: float) -> datetime:
    return READY + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("limit_s", "used_s", "now_s", "near", "closes"),
    [
        (HOUR, None, HOUR - 301, False, False),
        (HOUR, None, HOUR - 300, True, False),
        (HOUR, None, HOUR, True, True),
        (HOUR, 600, HOUR, False, False),
        (HOUR, 600, HOUR + 600, True, True),
        (60, None, 44, False, False),
        (60, None, 45, True, False),
        (60, None, 60, True, True),
    ],
)
def test_it_is_warned_of_before_the_limit_and_closed_at_it(
    limit_s: int, used_s: float | None, now_s: float, near: bool, closes: bool
) -> None:
    one = ready(used_s)
    assert is_near_its_end(one, limit_s, after(now_s)) is near
    if near:
        assert isinstance(verdict(one, limit_s, after(now_s)), Idle if closes else Unused)


def test_it_is_warned_of_once_and_using_it_takes_the_warning_back() -> None:
    first = decide(ready(), verdict(ready(), HOUR, after(HOUR - 200)), ACTOR, after(HOUR - 200))
    assert first.reason is not None
    assert first.reason.details == {"endpoint_idle_s": HOUR, "closes_at": "2026-01-01T13:00:00.000Z"}
    again = decide(first, verdict(first, HOUR, after(HOUR - 100)), ACTOR, after(HOUR - 100))
    assert again is first
    used = decide(again, Used(after(HOUR - 50)), ACTOR, after(HOUR - 50))
    assert used.reason is None
    assert not is_near_its_end(used, HOUR, after(HOUR))


def test_only_what_is_ready_can_be_idle() -> None:
    for status in set(EndpointStatus) - {EndpointStatus.READY}:
        assert not is_near_its_end(ready().model_copy(update={"status": status}), HOUR, after(10 * HOUR))
