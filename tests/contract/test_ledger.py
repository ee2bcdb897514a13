"""What was used is counted once on both databases, also by replicas that hear the same attempts at one moment."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest

from services.metrics.accounts import ROWS, SUMMARIES_BYTES, Accounts
from services.metrics.domain.attempt import Attempt
from services.metrics.store import LedgerStore
from shared.bus.consume import BACKOFF_S, LIST
from shared.contracts.errors import Invalid, TemporaryError
from shared.contracts.metrics import AskSummaries, AskUsage, JobUsage, UsageRow
from tests.support.attempts import NOON, attempt, on_gpus
from tests.support.databases import Database

DAY = date(2026, 11, 28)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
async def accounts(database: Database) -> AsyncIterator[Accounts]:
    store = database.store("metrics")
    made = Accounts(LedgerStore(store), lambda job_id: ())
    await store.open()
    yield made
    await store.close()


def job_id(number: int) -> str:
    return f"{number:026}"


async def told(accounts: Accounts, attempts: Sequence[Attempt]) -> None:
    """As events tell them: as many at once as a list holds, each list again until it was counted."""
    for start in range(0, len(attempts), LIST):
        for _ in BACKOFF_S:
            with suppress(TemporaryError):
                await accounts.count(attempts[start : start + LIST])
                break
        else:
            raise AssertionError("the store stays away")


async def summaries(accounts: Accounts, *ids: str) -> dict[str, JobUsage]:
    return {one.job_id: one for one in (await accounts.summaries(AskSummaries(job_ids=ids))).items}


async def rows(accounts: Accounts, **ask: Any) -> list[UsageRow]:
    return list((await accounts.usage(AskUsage(**({"first": DAY, "last": DAY} | ask)))).rows)


async def test_what_is_told_again_is_counted_once(accounts: Accounts) -> None:
    first, second = attempt(1, number=1), attempt(2, number=2)
    await told(accounts, [first])
    await told(accounts, [second, first, second])
    await told(accounts, [second])
    usage = (await summaries(accounts, first.job_id))[first.job_id]
    assert (usage.runs, usage.seconds) == (2, 3 * 3600.0)
    (row,) = await rows(accounts)
    assert (row.runs, row.device_hours) == (2, 3.0)


async def test_replicas_that_count_at_one_moment_lose_nothing_and_count_nothing_twice(accounts: Accounts) -> None:
    every = [attempt(1, job_id=job_id(number), number=part) for number in range(4) for part in (1, 2)]
    halves = [every, every[::-1], every[::2], every[1::2]]
    await asyncio.gather(*(told(accounts, half) for half in halves))
    found = await summaries(accounts, *(job_id(number) for number in range(4)))
    assert [usage.runs for usage in found.values()] == [2, 2, 2, 2]
    (row,) = await rows(accounts)
    assert (row.runs, row.device_hours) == (8, 8.0)


async def test_a_job_that_has_had_no_attempt_has_no_summary(accounts: Accounts) -> None:
    await told(accounts, [attempt(1)])
    assert await summaries(accounts, job_id(1)) == {}


async def test_rows_come_by_day_and_only_those_that_were_asked_for(accounts: Accounts) -> None:
    whose: list[Attempt] = [
        attempt(1, job_id=job_id(1)),
        attempt(1, job_id=job_id(2), begin=NOON + timedelta(days=1)),
        attempt(1, job_id=job_id(3), owner="bob"),
        attempt(1, job_id=job_id(4), owner="bob", vc="lab"),
        on_gpus(1, job_id=job_id(5), vc="lab"),
    ]
    await told(accounts, whose)

    async def found(**ask: Any) -> list[tuple[str, str, str]]:
        return [(row.vc, row.owner, row.device_type) for row in await rows(accounts, **ask)]

    ada, bob = ("default", "ada", "cpu"), ("default", "bob", "cpu")
    in_lab = [("lab", "ada", "v100"), ("lab", "bob", "cpu")]
    assert await found() == [ada, bob, *in_lab]
    assert await found(last=NEXT) == [ada, bob, *in_lab, ada]
    assert await found(first=NEXT, last=NEXT) == [ada]
    assert await found(owner="bob") == [bob, in_lab[1]]
    assert await found(vcs=("lab",)) == in_lab
    assert await found(vcs=("lab", "default")) == [ada, bob, *in_lab]
    assert await found(vcs=("lab",), owner="bob") == [in_lab[1]]
    assert await found(vcs=()) == []
    assert await found(first=DAY - timedelta(days=9), last=DAY - timedelta(days=1)) == []


async def test_pages_hold_every_row_once(accounts: Accounts) -> None:
    many = ROWS + 20
    await told(accounts, [attempt(1, job_id=job_id(number), owner=f"u{number:04}") for number in range(many)])
    first = await accounts.usage(AskUsage(first=DAY, last=NEXT))
    assert len(first.rows) == ROWS
    second = await accounts.usage(AskUsage(first=DAY, last=NEXT, after=first.after))
    assert second.after is None
    assert [row.owner for row in (*first.rows, *second.rows)] == [f"u{number:04}" for number in range(many)]


@pytest.mark.parametrize("after", ["", "day:", "no place", "\x00", "day:9999-99-99/x", "{$ne: null}"])
async def test_a_page_s_end_that_is_none_is_only_a_place_in_the_order(accounts: Accounts, after: str) -> None:
    await told(accounts, [attempt(1)])
    page = await accounts.usage(AskUsage(first=DAY, last=DAY, after=after))
    assert page.rows in ((), tuple(await rows(accounts)))


async def test_days_that_end_before_they_begin_are_refused(accounts: Accounts) -> None:
    with pytest.raises(Invalid, match="first: must not be after last"):
        await accounts.usage(AskUsage(first=NEXT, last=DAY))
    with pytest.raises(Invalid):
        await accounts.usage(AskUsage(first=DAY, last=date.max))


async def test_summaries_that_find_no_room_are_named_and_can_be_asked_for_again(accounts: Accounts) -> None:
    said = {f"n{number:063}": 0.12345678901234568 for number in range(100)}
    ids = tuple(job_id(number) for number in range(60))
    await told(accounts, [attempt(1, job_id=id, usage={"reported": said}) for id in ids])
    found: list[str] = []
    left = ids
    while left:
        answer = await accounts.summaries(AskSummaries(job_ids=left))
        assert len(answer.model_dump_json().encode()) < SUMMARIES_BYTES + 10_000
        found += [one.job_id for one in answer.items]
        left = answer.left
    assert found == list(ids)


async def test_the_same_days_hold_what_a_long_attempt_has_used_on_each(accounts: Accounts) -> None:
    await told(accounts, [on_gpus(24, devices=2)])
    assert [row.device_hours for row in await rows(accounts, last=NEXT)] == [24.0, 24.0]
