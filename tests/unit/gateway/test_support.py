"""Who may ask for help with a job, who sees what was asked, and what the gateway passes along."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from services.gateway.audited import BY_ITSELF
from services.gateway.desk import Desk
from services.gateway.domain.access import Role
from services.gateway.fresh import FRESH_S
from services.gateway.pulls import PullsOfJobs
from services.gateway.resources.changes import SupportRequest
from services.gateway.summaries import Summaries
from services.gateway.yard import Yard
from shared.contracts.commands.command import Command
from shared.contracts.commands.support import (
    CHECK_NOTIFY,
    NOTIFICATIONS,
    REQUEST_SUPPORT,
    SUPPORT_CASES,
    WEBHOOK_SECRET,
)
from shared.contracts.errors import Invalid, TooMany
from shared.contracts.notify import (
    CheckNotify,
    GetWebhookSecret,
    ListCases,
    ListNotifications,
    Notifications,
    NotifyChecked,
    Progress,
    RequestSupport,
    SupportCase,
    SupportCases,
    WebhookSecret,
)
from shared.ids import new_id
from tests.support.gateway import START, DoubleBus, Gateway, caller

ASK = {"subject": "Help", "message": "It waits."}
NOTIFY = [{"to": "https://example.org/hook"}]


@dataclass
class Slow(DoubleBus):
    """Others have their turn before it answers."""

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        await asyncio.sleep(0)
        return await super().ask(command, ask, timeout)


def case_of(ask: RequestSupport) -> SupportCase:
    return SupportCase(
        id=ask.case_id,
        job_id=ask.job_id,
        requester=ask.requester,
        subject=ask.subject,
        message=ask.message,
        include_logs=ask.include_logs,
        requested_at=START,
        delivery="smtp",
        note="A mail to the operators is on its way.",
        status=Progress.WAITING,
        tries=0,
    )


@pytest.fixture
async def desk(yard: Gateway) -> Gateway:
    """A notify service in memory; bob is a member of the job's virtual cluster, eve is not."""
    cases: list[SupportCase] = []

    def request(ask: RequestSupport) -> SupportCase:
        cases.insert(0, case_of(ask))
        return cases[0]

    def listed(ask: ListCases) -> SupportCases:
        return SupportCases(items=tuple(case for case in cases if case.job_id == ask.job_id))

    def told(ask: ListNotifications) -> Notifications:
        return Notifications(items=())

    def checked(ask: CheckNotify) -> NotifyChecked:
        return NotifyChecked()

    yard.bus.answers |= {
        REQUEST_SUPPORT.subject: request,
        SUPPORT_CASES.subject: listed,
        NOTIFICATIONS.subject: told,
        CHECK_NOTIFY.subject: checked,
    }
    await yard.add_account("ada")
    await yard.add_account("bob")
    await yard.add_account("vera", {"default": Role.ADMIN})
    await yard.add_account("eve", vcs=("other",))
    return yard


async def job_of_ada(desk: Gateway, **fields: Any) -> str:
    answer = await desk.call("POST", "/jobs", "ada", json={"name": "j", "command": "true"} | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def ask(desk: Gateway, job: str, name: str, **headers: str) -> int:
    return (await desk.call("POST", f"/jobs/{job}/support", name, json=ASK, headers=headers)).status_code


async def test_the_owner_and_administrators_ask_others_may_not_and_for_strangers_it_does_not_exist(
    desk: Gateway,
) -> None:
    job = await job_of_ada(desk)
    assert [await ask(desk, job, name) for name in ("ada", "vera", "bob", "admin", "eve")] == [202, 202, 403, 202, 404]
    seen = {name: (await desk.call("GET", f"/jobs/{job}/support", name)) for name in ("ada", "vera", "bob", "eve")}
    assert {name: answer.status_code for name, answer in seen.items()} == {
        "ada": 200,
        "vera": 200,
        "bob": 403,
        "eve": 404,
    }
    assert [case["requester"] for case in seen["ada"].json()["items"]] == ["admin", "vera", "ada"]
    asked = [one for one in desk.bus.asked if isinstance(one, RequestSupport)]
    assert [(one.requester, one.job_id, one.vc) for one in asked] == [
        ("ada", job, "default"),
        ("vera", job, "default"),
        ("admin", job, "default"),
    ]
    assert len({one.case_id for one in asked}) == 3


async def test_whom_a_job_tells_is_the_business_of_its_owner_and_of_administrators(desk: Gateway) -> None:
    job = await job_of_ada(desk, notify=NOTIFY)
    statuses = [
        (await desk.call("GET", f"/jobs/{job}/notifications", name)).status_code
        for name in ("ada", "admin", "bob", "eve")
    ]
    assert statuses == [200, 200, 403, 404]
    shown = {name: (await desk.call("GET", f"/jobs/{job}", name)).json()["notify"] for name in ("ada", "bob")}
    assert shown["bob"] == [] and shown["ada"][0]["to"] == NOTIFY[0]["to"]


async def test_an_owner_who_may_only_read_or_has_left_the_vc_sees_who_was_told_and_what_was_asked(
    desk: Gateway,
) -> None:
    job = await job_of_ada(desk, notify=NOTIFY)
    made = await desk.call("POST", "/me/tokens", "ada", json={"name": "reads", "scope": "read"})
    reads = {"Authorization": f"Bearer {made.json()['token']}"}
    for path in ("notifications", "support"):
        assert (await desk.http.get(f"/api/v1/jobs/{job}/{path}", headers=reads)).status_code == 200
    assert (await desk.http.post(f"/api/v1/jobs/{job}/support", headers=reads, json=ASK)).status_code == 403
    await desk.accounts.update("ada", BY_ITSELF, {}, {"default": None})
    desk.clock.advance(FRESH_S)
    for path in ("notifications", "support"):
        assert (await desk.call("GET", f"/jobs/{job}/{path}", "ada")).status_code == 200
    assert (await desk.call("GET", f"/jobs/{job}", "ada")).json()["notify"][0]["to"] == NOTIFY[0]["to"]
    assert (await desk.call("POST", f"/jobs/{job}/pause", "ada")).status_code == 403, "ada has left"


async def test_the_user_s_address_goes_along_where_the_account_has_one(desk: Gateway) -> None:
    job = await job_of_ada(desk)
    await desk.accounts.update("ada", BY_ITSELF, {"email": "ada@example.org"})
    for name in ("ada", "vera"):
        await ask(desk, job, name)
    asked = [one for one in desk.bus.asked if isinstance(one, RequestSupport)]
    assert [one.email for one in asked] == ["ada@example.org", None]


async def test_a_key_stands_for_the_job_and_the_body(desk: Gateway) -> None:
    first, second = await job_of_ada(desk), await job_of_ada(desk)
    for job in (first, second, first):
        await ask(desk, job, "ada", **{"Idempotency-Key": "k"})
    prints = [one.fingerprint for one in desk.bus.asked if isinstance(one, RequestSupport)]
    assert prints[0] == prints[2] != prints[1]
    assert await ask(desk, first, "ada", **{"Idempotency-Key": "a b"}) == 422


async def test_one_user_s_flood_of_questions_is_refused_and_others_are_not(desk: Gateway) -> None:
    job = await job_of_ada(desk)
    limit = desk.parts.settings.support_per_hour
    statuses = [await ask(desk, job, "ada") for _ in range(limit + 1)]
    assert statuses == [202] * limit + [429]
    assert await ask(desk, job, "vera") == 202
    desk.clock.advance(3601)
    assert await ask(desk, job, "ada") == 202


async def test_questions_at_one_time_do_not_slip_through_the_limit(desk: Gateway) -> None:
    job, ada = await job_of_ada(desk), caller("ada")
    bus = Slow(jobs=desk.bus.jobs, answers=desk.bus.answers)
    asking = Desk(
        bus,
        Yard(
            bus, desk.people.vcs.policy_of, Summaries(bus, desk.clock, 1.0), PullsOfJobs(bus, desk.clock, 1.0), 5.0, 1.0
        ),
        desk.clock,
        5.0,
        per_hour=2,
    )

    async def request() -> SupportCase:
        return await asking.request(ada, job, SupportRequest.model_validate(ASK), ASK, None, None, None)

    outcomes = await asyncio.gather(*(request() for _ in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SupportCase, SupportCase, TooMany, TooMany]


async def test_a_question_that_failed_or_was_there_before_does_not_count(desk: Gateway) -> None:
    job = await job_of_ada(desk)
    limit, works = desk.parts.settings.support_per_hour, desk.bus.answers[REQUEST_SUPPORT.subject]
    first = case_of(
        RequestSupport(
            case_id=new_id(),
            job_id=job,
            vc="default",
            requester="ada",
            subject=ASK["subject"],
            message=ASK["message"],
            include_logs=False,
        )
    )
    del desk.bus.answers[REQUEST_SUPPORT.subject]
    assert {await ask(desk, job, "ada") for _ in range(limit + 1)} == {503}
    desk.bus.answers[REQUEST_SUPPORT.subject] = lambda ask: first
    assert {await ask(desk, job, "ada") for _ in range(limit + 1)} == {202}
    desk.bus.answers[REQUEST_SUPPORT.subject] = works
    assert [await ask(desk, job, "ada") for _ in range(limit + 1)] == [202] * limit + [429]


async def test_without_the_notify_service_only_submissions_that_notify_wait(yard: Gateway) -> None:
    plain = await yard.call("POST", "/jobs", json={"name": "j", "command": "true"})
    telling = await yard.call("POST", "/jobs", json={"name": "j", "command": "true", "notify": NOTIFY})
    assert (plain.status_code, telling.status_code) == (201, 503)
    assert len(yard.bus.jobs) == 1


async def test_without_the_notify_service_a_batch_that_notifies_fails_as_a_whole_at_the_first_question(
    yard: Gateway,
) -> None:
    plain = {"name": "j", "command": "true"}
    telling = [plain | {"notify": [{"to": f"https://example.org/{number}"}]} for number in range(3)]
    answer = await yard.call("POST", "/jobs:submit-batch", json={"jobs": [plain, *telling]})
    assert answer.status_code == 503 and yard.bus.jobs == {}
    assert len([ask for ask in yard.bus.asked if isinstance(ask, CheckNotify)]) == 1


async def test_a_batch_asks_once_about_each_list_and_refuses_every_job_with_one_that_cannot_be_served(
    desk: Gateway,
) -> None:
    def checked(ask: CheckNotify) -> NotifyChecked:
        if "bad" in ask.entries[0].to:
            raise Invalid("notify.0.to: no.")
        return NotifyChecked()

    desk.bus.answers[CHECK_NOTIFY.subject] = checked
    good, bad = NOTIFY, [{"to": "https://bad.example"}]
    jobs = [{"name": "j", "command": "true", "notify": notify} for notify in (good, bad, good, bad, [])]
    answer = await desk.call("POST", "/jobs:submit-batch", "ada", json={"jobs": jobs})
    assert [outcome["status"] for outcome in answer.json()["outcomes"]] == [201, 422, 201, 422, 201]
    assert len([ask for ask in desk.bus.asked if isinstance(ask, CheckNotify)]) == 2


async def test_what_notify_refuses_is_not_stored(desk: Gateway) -> None:
    def refused(ask: CheckNotify) -> NotifyChecked:
        raise Invalid("notify.0.to: no.")

    desk.bus.answers[CHECK_NOTIFY.subject] = refused
    answer = await desk.call("POST", "/jobs", json={"name": "j", "command": "true", "notify": NOTIFY})
    assert answer.status_code == 422 and desk.bus.jobs == {}


async def test_a_secret_is_the_caller_s_own_and_kept_out_of_caches(desk: Gateway) -> None:
    def secret(ask: Any) -> WebhookSecret:
        return WebhookSecret(secret=f"whsec_{ask.owner}", created_at=START)

    desk.bus.answers[WEBHOOK_SECRET.subject] = secret
    answer = await desk.call("GET", "/me/webhook-secret", "bob")
    assert answer.json()["secret"] == "whsec_bob" and answer.headers["cache-control"] == "no-store"


async def test_a_secret_is_for_a_person_who_signed_in_and_a_new_one_is_in_the_audit(desk: Gateway) -> None:
    def secret(ask: Any) -> WebhookSecret:
        return WebhookSecret(secret=f"whsec_{ask.owner}", created_at=START)

    desk.bus.answers[WEBHOOK_SECRET.subject] = secret
    for scope in ("read", "act"):
        made = await desk.call("POST", "/me/tokens", "bob", json={"name": scope, "scope": scope})
        headers = {"Authorization": f"Bearer {made.json()['token']}"}
        for method in ("GET", "POST"):
            assert (await desk.http.request(method, "/api/v1/me/webhook-secret", headers=headers)).status_code == 403
    assert not any(isinstance(ask, GetWebhookSecret) for ask in desk.bus.asked)
    entries = {"action": "webhook.secret_renewed", "target": "webhook/bob"}
    assert (await desk.call("GET", "/audit", params=entries)).json()["items"] == []
    assert (await desk.call("POST", "/me/webhook-secret", "bob")).json()["secret"] == "whsec_bob"
    (entry,) = (await desk.call("GET", "/audit", params=entries)).json()["items"]
    assert entry["actor"] == "bob" and "whsec" not in str(entry)
