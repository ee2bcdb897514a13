"""What an executor leaves that loses its disk: the next one finds it, ends it, and says so only when it is gone."""

from services.executor.domain.observation import Ended
from shared.ids import new_id
from tests.support.executor_backend import Bench, processes_of
from tests.support.waiting import until

SAVES = "trap 'echo saved >> ledger; exit 0' TERM"


async def test_what_is_left_after_the_loss_of_a_disk_is_found_and_ended_with_its_grace_period(bench: Bench) -> None:
    lost, other = await bench.runs(SAVES), await bench.runs()
    await bench.lose_home()
    assert {lost, other} <= set(await bench.backend.remnants())
    assert await bench.backend.clear(bench.vc, [lost]) == [lost]
    await bench.cleared(lost)
    assert processes_of(lost) == []
    assert bench.lines("ledger") == ["saved"]
    assert processes_of(other), "nobody has asked for its end"

    async def let_go() -> bool:
        return lost not in await bench.backend.remnants()

    await until(let_go, "it is not found any more", within=bench.within_s)
    bench.go()
    await bench.cleared(other)


async def test_what_a_deaf_run_does_ends_all_the_same(bench: Bench) -> None:
    lost = await bench.launch("trap '' TERM; echo begun >> begun; while :; do sleep 0.05; done", grace_s=1)
    await until(lambda: bench.lines("begun"), "it has begun")
    await bench.lose_home()
    await bench.cleared(lost)
    assert processes_of(lost) == []


async def test_a_run_that_the_backend_alone_remembers_is_found_and_ended(bench: Bench) -> None:
    lives, over = await bench.runs(SAVES), await bench.launch("true")
    await bench.reaches(over, Ended)
    await bench.reopen()
    assert lives in await bench.backend.remnants()
    await bench.cleared(lives)
    await bench.cleared(over)
    assert processes_of(lives) == []
    assert bench.lines("ledger") == ["saved"]
    assert not {lives, over} & set(await bench.backend.remnants())


async def test_of_what_was_never_here_nothing_is_left(bench: Bench) -> None:
    assert await bench.backend.clear(bench.vc, [f"{new_id()}.1"]) == []
