"""An image without a shell: a list of arguments runs in it all the same, and all else is refused in words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.frames import STDOUT
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Cancelled, Ended, Refused, Started, Waiting
from services.executor.domain.pulling import Held
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child
from tests.support.benches import opened_in_cluster
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import BARE_IMAGE
from tests.support.kubernetes.images import PLAIN
from tests.support.kubernetes.proxy import Proxy, asks
from tests.support.listening import heard, not_dialled
from tests.support.ports import free_port
from tests.support.waiting import until

CREATES, DELETES = asks("POST", r".*/pods"), asks("DELETE", r".*/pods/.*")
RELEASES = asks("PATCH", r".*/pods/.*")


@pytest.fixture
async def led(tmp_path: Path, between: Proxy) -> AsyncIterator[KubernetesBench]:
    """A bench whose backend reaches the cluster through the proxy."""
    async with opened_in_cluster(tmp_path, through=between.kubeconfig) as bench:
        yield bench


def bare(bench: KubernetesBench, *words: str, grace_s: float = 10) -> RunOrder:
    return replace(bench.order((PLAIN, *words), grace_s=grace_s), image=BARE_IMAGE)


async def begun(bench: KubernetesBench, order: RunOrder, says: bytes = b"begun\n") -> None:
    """It runs, and has said so."""
    await bench.launched_until(order, Started)
    await until(lambda: said(bench, order) == says, "what it says is here")


def said(bench: KubernetesBench, order: RunOrder) -> bytes:
    path = bench.backend.output(order.run_id)
    return bench.output(order.run_id)[STDOUT] if path.exists() else b""


async def let_go(bench: KubernetesBench, order: RunOrder) -> None:
    """The pod that found no shell is gone, and it is known that the next one needs none."""
    await until(lambda: is_direct(bench, order), "what was found is written down", within=bench.within_s)

    async def gone() -> bool:
        await bench.seen(order.run_id)
        return not await is_there(bench, order)

    await until(gone, "its pod is gone", within=bench.within_s)


async def is_there(bench: KubernetesBench, order: RunOrder) -> bool:
    """Whether the cluster has a pod of the run."""
    try:
        await bench.api.get(bench.pod(order.run_id))
    except ApiError as error:
        return error.status != 404
    return True


def is_direct(bench: KubernetesBench, order: RunOrder) -> bool:
    kept = Kept(bench.home)
    kept.open()
    return kept.is_direct(order.run_id)


async def test_a_list_runs_where_the_job_is_and_its_lines_and_its_exit_code_arrive(bench: KubernetesBench) -> None:
    for code in (0, 3):
        order = bare(bench, "exit", str(code))
        ended = await bench.launched_until(order, Ended)
        assert (ended.exit_code, ended.stopped, ended.signal) == (code, False, None)
        assert said(bench, order) == f"{bench.folder} {bench.folder}\n".encode()
    assert bench.lines("ledger") == ["start", "start"]


async def test_it_waits_in_words_until_its_second_pod_is_made(bench: KubernetesBench) -> None:
    order = bare(bench, "exit", "0")
    await bench.backend.launch([order])
    await let_go(bench, order)
    assert await bench.seen(order.run_id) == Waiting()
    [held] = (await bench.backend.pulls([order.run_id])).values()
    assert isinstance(held, Held) and "no shell" in held.said
    await bench.launched_until(order, Ended)
    assert await bench.backend.pulls([order.run_id]) == {}


async def test_a_stop_reaches_the_program_and_it_is_told_as_stopped(bench: KubernetesBench) -> None:
    order = bare(bench, "told", "5")
    await begun(bench, order)
    await bench.backend.stop(order.run_id)
    ended = await bench.ended(order.run_id)
    assert (ended.exit_code, ended.stopped, ended.forced) == (5, True, False)
    assert said(bench, order) == b"begun\ntold\n"
    assert bench.lines("ledger") == ["start"]


async def test_a_program_that_ignores_sigterm_is_killed_after_its_grace(bench: KubernetesBench) -> None:
    order = bare(bench, "deaf", grace_s=2)
    await begun(bench, order)
    await bench.backend.stop(order.run_id)
    ended = await bench.ended(order.run_id)
    assert (ended.signal, ended.stopped, ended.forced) == ("SIGKILL", True, True)
    assert ended.ended_ns - ended.started_ns >= 1_000_000_000


async def test_what_needs_a_shell_or_a_program_that_is_not_there_is_refused_in_words(bench: KubernetesBench) -> None:
    line = replace(bench.order("echo started >> ledger"), image=BARE_IMAGE)
    ranks = replace(bare(bench, "exit", "0"), ranks=2)
    await bench.backend.launch([line, ranks])
    seen = await bench.reaches(line.run_id, Refused)
    assert (seen.reason.code, seen.busy) == ("shell_missing", False)
    assert "Give the command as a list of arguments" in seen.reason.message
    seen = await bench.reaches(ranks.run_id, Refused)
    assert (seen.reason.code, seen.reason.details["needed_by"]) == ("shell_missing", "ranks")
    absent = replace(bench.order(("/absent",)), image=BARE_IMAGE)
    await bench.backend.launch([absent])
    await let_go(bench, absent)
    await bench.backend.launch([absent])
    seen = await bench.reaches(absent.run_id, Refused)
    assert (seen.reason.code, seen.busy) == ("program_missing", False)
    assert "/absent" in seen.reason.message
    assert bench.lines("ledger") == []


async def test_ports_lead_into_it_and_what_would_need_a_shell_is_refused(bench: KubernetesBench) -> None:
    port = free_port()
    order = bare(bench, "listen", str(port))
    await begun(bench, order, b"listening\n")
    assert await heard(await bench.backend.dial(order.run_id, port)) == "hello"
    refusal = await not_dialled(bench, order.run_id, free_port())
    assert refusal.details == {"code": "not_listening"}
    for child, code in ((Child(argv=("true",)), "program_missing"), ("jupyter", "not_started")):
        with pytest.raises(Conflict) as refused:
            await bench.backend.exec(order.run_id, child)
        assert refused.value.details["code"] == code
    await bench.backend.stop(order.run_id)
    await bench.ended(order.run_id)


async def test_an_executor_that_is_replaced_at_every_step_between_the_pods_starts_it_once(
    led: KubernetesBench, between: Proxy
) -> None:
    order = bare(led, "exit", "4")
    released = between.hold(RELEASES)
    await led.backend.launch([order])
    await until(released.here.is_set, "its pod is about to be let go", within=led.within_s)
    assert is_direct(led, order), "that is written down before"
    between.heal()
    deleted = between.hold(DELETES)
    await led.reopen()
    await led.seen(order.run_id)
    await until(deleted.here.is_set, "its pod is about to be deleted", within=led.within_s)
    between.heal()
    await led.reopen()
    await let_go(led, order)
    await led.reopen()
    created = between.hold(CREATES, done=True)
    await led.backend.launch([order])
    await until(created.here.is_set, "the second pod is made, and it does not know yet", within=led.within_s)
    between.heal()
    await led.reopen()
    ended = await led.launched_until(order, Ended)
    assert ended.exit_code == 4
    assert led.lines("ledger") == ["start"]


async def test_a_stop_between_the_pods_buries_the_name(bench: KubernetesBench) -> None:
    order = bare(bench, "exit", "0")
    await bench.backend.launch([order])
    await let_go(bench, order)
    await bench.backend.stop(order.run_id)
    await bench.reaches(order.run_id, Cancelled)
    pod = await bench.api.get(bench.pod(order.run_id))
    assert names.TOMBSTONE in pod["metadata"]["annotations"]
    await bench.backend.launch([order])
    assert isinstance(await bench.seen(order.run_id), Cancelled)
    assert bench.lines("ledger") == []


async def test_a_first_pod_that_is_made_late_is_let_go_too(led: KubernetesBench, between: Proxy) -> None:
    order = bare(led, "exit", "4")
    late = between.delay(CREATES)
    await led.backend.launch([order])
    await until(late.here.is_set, "the answer to the first is lost, and another is made")
    await let_go(led, order)
    late.go.set()
    await until(lambda: is_there(led, order), "it is made late")
    ended = await led.launched_until(order, Ended)
    assert ended.exit_code == 4
    assert led.lines("ledger") == ["start"]
