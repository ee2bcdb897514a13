"""What was read a moment ago counts for that moment only."""

from services.gateway.audited import BY_ITSELF
from services.gateway.domain.policy import VcPolicy
from services.gateway.fresh import FRESH_S, KEPT, Fresh
from services.gateway.vcs import DEFAULT_VC, Vcs
from tests.support.clock import ManualClock
from tests.support.gateway import Gateway


async def test_a_value_is_read_again_when_it_is_old_and_after_it_was_forgotten() -> None:
    clock, reads = ManualClock(), 0
    fresh: Fresh[int] = Fresh(clock)

    async def read() -> int:
        nonlocal reads
        reads += 1
        return reads

    assert [await fresh.get("a", read) for _ in range(3)] == [1, 1, 1]
    clock.advance(FRESH_S)
    assert await fresh.get("a", read) == 2
    fresh.forget("a")
    assert await fresh.get("a", read) == 3


async def test_the_age_counts_from_before_the_reading() -> None:
    clock = ManualClock()
    fresh: Fresh[str] = Fresh(clock)

    async def slow() -> str:
        clock.advance(FRESH_S)
        return "old already"

    async def quick() -> str:
        return "new"

    assert await fresh.get("a", slow) == "old already"
    assert await fresh.get("a", quick) == "new"


async def test_invented_keys_do_not_fill_the_memory() -> None:
    fresh: Fresh[int] = Fresh(ManualClock())

    async def read() -> int:
        return 1

    for number in range(KEPT + 10):
        await fresh.get(str(number), read)
    assert len(fresh._known) == KEPT


async def test_a_policy_counts_at_once_where_it_was_changed_and_soon_elsewhere(yard: Gateway) -> None:
    other = Vcs(yard.store, yard.clock, yard.people.audit)
    for vcs in (yard.people.vcs, other):
        assert await vcs.policy_of(DEFAULT_VC) == await vcs.policy_of("never-made") == VcPolicy()
    await yard.people.vcs.update(DEFAULT_VC, {"open": False, "max_priority": 500}, BY_ITSELF)
    changed = VcPolicy(open=False, max_priority=500)
    assert await yard.people.vcs.policy_of(DEFAULT_VC) == changed
    assert await other.policy_of(DEFAULT_VC) == VcPolicy()
    yard.clock.advance(FRESH_S)
    assert await other.policy_of(DEFAULT_VC) == changed
