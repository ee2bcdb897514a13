"""A new webhook secret and its audit entry: whatever is killed or away in between, both come, and once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.gateway.audited import Author
from services.gateway.renewals import RENEWALS, RenewalDocument
from shared.contracts.commands.support import WEBHOOK_SECRET
from shared.contracts.errors import Unavailable
from shared.contracts.notify import GetWebhookSecret, WebhookSecret
from tests.support.gateway import START, Gateway, gateway

BOB = Author("bob", "request-1", "203.0.113.7")
WANTED = {"action": "webhook.secret_renewed", "target": "webhook/bob"}


class Notify:
    """Makes a secret for each renewal that it has not made, as the notify service does."""

    def __init__(self) -> None:
        self.made: list[str | None] = []
        self.away = False

    def __call__(self, ask: GetWebhookSecret) -> WebhookSecret:
        if self.away:
            raise Unavailable("The notify service does not answer. Try again in a moment.")
        if ask.renew and ask.renewal not in self.made:
            self.made.append(ask.renewal)
        return WebhookSecret(secret=f"whsec_{len(self.made)}", created_at=START)


@pytest.fixture
async def notify() -> Notify:
    return Notify()


@pytest.fixture
async def yard(tmp_path: Path, notify: Notify) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path) as running:
        running.bus.answers[WEBHOOK_SECRET.subject] = notify
        await running.add_account("bob")
        yield running


async def entries(yard: Gateway) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await yard.call("GET", "/audit", params=WANTED)).json()["items"]
    return items


async def test_each_renewal_makes_one_secret_and_one_entry(yard: Gateway, notify: Notify) -> None:
    for number in (1, 2, 3):
        assert (await yard.call("POST", "/me/webhook-secret", "bob")).json()["secret"] == f"whsec_{number}"
    assert len(await entries(yard)) == len(set(notify.made)) == 3
    await yard.people.renewals.documents.sweep()
    assert len(await entries(yard)) == len(notify.made) == 3


async def test_what_a_killed_process_had_begun_is_made_and_entered_by_the_sweep(yard: Gateway, notify: Notify) -> None:
    change = BOB.change(START, "webhook.secret_renewed")
    await yard.store.collection(RENEWALS).insert(RenewalDocument(id="bob", renewal="killed", change=change))
    for _ in range(2):
        await yard.people.renewals.documents.sweep()
        assert notify.made == ["killed"]
        (entry,) = await entries(yard)
        assert (entry["actor"], entry["address"], entry["request_id"]) == ("bob", "203.0.113.7", "request-1")


async def test_while_notify_is_away_nothing_is_entered_and_asking_again_makes_one_secret(
    yard: Gateway, notify: Notify
) -> None:
    notify.away = True
    for _ in range(2):
        assert (await yard.call("POST", "/me/webhook-secret", "bob")).status_code == 503
    await yard.people.renewals.documents.sweep()
    assert await entries(yard) == [] and notify.made == []
    notify.away = False
    assert (await yard.call("POST", "/me/webhook-secret", "bob")).json()["secret"] == "whsec_1"
    assert len(await entries(yard)) == len(notify.made) == 1
