"""A run whose image has no shell gets another pod, once, whatever happens in between."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.direct import Direct
from services.executor.backends.kubernetes.kept import Kept
from services.executor.domain.observation import Lost, Refused, Started, Waiting
from services.executor.domain.pulling import Held
from tests.support.executor_backend import order_of
from tests.support.kubernetes.one_pod import RUN, Executor
from tests.support.kubernetes.pod_documents import END, LIVES, NO_SHELL, START_NS, ended
from tests.support.waiting import until

NONE = ended(128, NO_SHELL, "StartError")
DIGEST = f"docker.io/lab/train@sha256:{'0' * 64}"


@pytest.fixture
def executor(tmp_path: Path) -> Executor:
    return Executor(tmp_path)


def found(executor: Executor, uid: str = "p-1", state: dict[str, Any] = NONE, **told: Any) -> None:
    """A pod of the first form, in which the node has found no shell."""
    executor.hears_of(state, uid=uid, node="node-1", phase="Failed", **told)


async def test_its_pod_goes_by_its_uid_and_the_run_waits_for_the_next_one(executor: Executor) -> None:
    assert not executor.direct.starts(executor.order, "lab/train:2")
    found(executor)
    await executor.looked()
    assert executor.server.released == [{"uid": "p-1", "resourceVersion": "7", "finalizers": []}]
    assert [each["preconditions"] for each in executor.server.deleted] == [{"uid": "p-1"}]
    executor.pods.forget(RUN)
    await executor.looked()
    assert await executor.observing.observe([RUN]) == {RUN: Waiting()}
    assert [type(held) for held in executor.direct.held([RUN]).values()] == [Held]
    assert not executor.kept.has_ended(RUN)
    for process in (executor.direct, Direct(executor.reopened(), executor.pods)):
        assert process.starts(executor.order, "lab/train:2"), "the next process goes on"
    executor.hears_of(LIVES, uid="p-2", direct=True)
    await executor.looked()
    assert await executor.observing.observe([RUN]) == {RUN: Started(START_NS)}
    assert executor.direct.held([RUN]) == {}


async def test_a_pod_of_the_first_form_that_comes_late_goes_the_same_way(executor: Executor) -> None:
    for uid in ("p-1", "p-2"):
        found(executor, uid)
        await executor.looked()
        executor.pods.forget(RUN)
        await executor.looked()
    assert [each["uid"] for each in executor.server.released] == ["p-1", "p-2"]
    assert (executor.kept.useless(RUN), executor.kept.has_ended(RUN)) == ("p-2", False)


async def test_one_that_is_to_go_is_let_go_whatever_it_says_next(executor: Executor) -> None:
    executor.kept.keep_direct(RUN, "p-1")
    said = ended(137, "", "ContainerStatusUnknown")
    found(executor, state=said, deletionTimestamp=END, reason="NodeLost")
    await executor.looked()
    assert len(executor.server.released) == 1
    assert not executor.kept.has_ended(RUN)


async def test_but_one_that_runs_all_the_same_is_the_runs(executor: Executor) -> None:
    executor.kept.keep_direct(RUN, "p-1")
    executor.hears_of(LIVES)
    await executor.looked()
    assert await executor.observing.observe([RUN]) == {RUN: Started(START_NS)}
    found(executor)
    await until(lambda: executor.kept.has_ended(RUN), "it is over")
    await executor.looked()
    assert isinstance(executor.kept.end(RUN), Lost)


async def test_what_could_not_be_asked_of_the_cluster_is_asked_by_the_sweep(executor: Executor) -> None:
    executor.server.away = 1
    found(executor)
    await executor.looked()
    assert executor.server.deleted == []
    sweep = asyncio.create_task(executor.sweep.run())
    await until(lambda: executor.server.deleted, "it is deleted")
    sweep.cancel()
    assert executor.server.deleted[0]["preconditions"] == {"uid": "p-1"}


async def test_a_run_that_is_to_stop_gets_no_other_pod(executor: Executor) -> None:
    executor.kept.ask_to_stop(RUN, {"at_ns": 1})
    found(executor)
    await until(lambda: executor.kept.has_ended(RUN), "it is over")
    await executor.looked()
    assert not executor.kept.is_direct(RUN)


async def test_a_line_for_a_shell_is_refused(executor: Executor) -> None:
    executor.order = replace(executor.order, argv=("/bin/sh", "-c", "train"))
    found(executor)
    await until(lambda: executor.kept.has_ended(RUN), "it is over")
    await executor.looked()
    end = executor.kept.end(RUN)
    assert isinstance(end, Refused) and end.reason.code == "shell_missing" and not end.busy
    assert not executor.direct.starts(executor.order, "lab/train:2")


async def test_what_was_found_in_an_image_by_its_digest_is_known_of_the_next_run_on_that_node(
    executor: Executor,
) -> None:
    executor.order = replace(executor.order, image=DIGEST)
    found(executor)
    await executor.looked()
    next_run = replace(executor.order, run_id="01ARZ3NDEKTSV4RRFFQ69G5FAW.1")
    assert executor.direct.starts(next_run, DIGEST)
    assert not executor.direct.starts(replace(next_run, node="node-2"), DIGEST)
    assert not executor.direct.starts(next_run, "lab/train:2"), "the content of a tag may be another one"
    assert not executor.direct.starts(replace(next_run, argv=("/bin/sh", "-c", "train")), DIGEST)
    assert not executor.direct.starts(replace(next_run, ranks=2), DIGEST)


async def test_nothing_is_asked_of_the_cluster_before_it_is_written_down(executor: Executor, tmp_path: Path) -> None:
    os.rename(tmp_path / "home", tmp_path / "elsewhere")
    found(executor)
    await executor.looked()
    assert (executor.server.released, executor.server.deleted) == ([], [])
    os.rename(tmp_path / "elsewhere", tmp_path / "home")
    await executor.observing.observe([RUN])
    await until(lambda: executor.server.released, "its pod is let go")
    kept = Kept(tmp_path / "home")
    kept.open()
    assert kept.useless(RUN) == "p-1"
    await executor.looked()


def test_a_run_that_was_never_here_waits_for_nothing(executor: Executor) -> None:
    other = order_of("01ARZ3NDEKTSV4RRFFQ69G5FAW.1", ("/train",), Path("/srv/jobs/a"), 1)
    assert executor.direct.held([other.run_id]) == {}
