"""A child of a run whose caller has gone is ended, however long the cluster does not answer, while its run lives."""

import asyncio
import errno
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.channels import ERROR, STDIN, STDOUT
from services.executor.backends.kubernetes.entrance import Entrance
from services.executor.backends.kubernetes.programs import STARTED, Process, hanging_up
from services.executor.backends.kubernetes.refusals import ClusterAway
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.ways import Ways
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child
from tests.support.waiting import until

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV.1"
POD = {"metadata": {"namespace": "lab", "name": "job"}}
CHILD = Process(17, 1234)


class Socket:
    """Of one command, which says what a script in a pod does; that of a child breaks once it has begun."""

    def __init__(self, words: Sequence[str]) -> None:
        self._begins = list(words) != hanging_up(CHILD)

    async def send_bytes(self, data: bytes) -> None:
        assert data[0] == STDIN

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        said = f"{STARTED} {CHILD.pid} {CHILD.started}\n".encode()
        channel, data = (STDOUT, said) if self._begins else (ERROR, json.dumps({"status": "Success"}).encode())
        yield aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, bytes((channel,)) + data, None)


class Pod(Api):
    """Where the run lives, and an API server in front of it that does not answer `away` times when it is to hang up."""

    def __init__(self, folder: Path, away: int) -> None:
        super().__init__(None)
        self.away = away
        self.lives = True
        self.unknown = 0
        """So many times nobody can say whether it lives."""
        self.hung_up = 0
        self.ways = Ways(folder, Room(folder))
        self.entrance = Entrance(self, self.ways, self._pod_of, self._hidden_of)

    def websocket(
        self, path: str, query: list[tuple[str, str]], protocol: str
    ) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        answered: Any = self._answered([word for name, word in query if name == "command"])
        return cast(AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse], answered)

    @asynccontextmanager
    async def _answered(self, words: Sequence[str]) -> AsyncIterator[Socket]:
        if list(words) == hanging_up(CHILD):
            if self.away:
                self.away -= 1
                raise ClusterAway("503 ServiceUnavailable")
            self.hung_up += 1
        yield Socket(words)

    @property
    def left(self) -> list[tuple[str, Process]]:
        """What the next executor's process would have to hang up."""
        return list(self.ways.left())

    async def _pod_of(self, run_id: str) -> Document:
        if self.unknown:
            self.unknown -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        if not self.lives:
            raise Conflict("The job has no run here that one could come into.", details={"code": "run_not_running"})
        return POD

    async def _hidden_of(self, run_id: str, pod: Document) -> Sequence[str]:
        return ()


@pytest.mark.parametrize("away", [0, 2])
async def test_what_an_earlier_process_has_left_is_hung_up_once_the_cluster_answers(tmp_path: Path, away: int) -> None:
    pod = Pod(tmp_path, away)
    pod.ways.note(RUN, CHILD)
    await pod.entrance.take_up()
    await until(lambda: not pod.left, "it is hung up")
    assert (pod.away, pod.hung_up) == (0, 1)
    await pod.entrance.close()


async def test_what_has_gone_with_its_run_is_asked_for_no_more(tmp_path: Path) -> None:
    pod = Pod(tmp_path, away=1_000_000)
    pod.ways.note(RUN, CHILD)
    await pod.entrance.take_up()
    await until(lambda: pod.away < 1_000_000, "the cluster does not answer")
    pod.lives = False
    await until(lambda: not pod.left, "nobody hangs it up any more")
    assert pod.hung_up == 0
    await pod.entrance.close()


@pytest.mark.parametrize(("away", "unknown"), [(0, 0), (1, 2)])
async def test_a_child_whose_connection_broke_is_hung_up_though_that_fails_at_first(
    tmp_path: Path, away: int, unknown: int
) -> None:
    pod = Pod(tmp_path, away)
    pod.unknown = unknown
    execution = await pod.entrance.exec(RUN, POD, Child(argv=("true",)), "/")
    execution.close()
    await until(lambda: pod.hung_up and not pod.left, "it is hung up")
    assert pod.unknown == 0
    await pod.entrance.close()


async def test_what_is_not_hung_up_when_the_executor_ends_is_left_to_the_next_one(tmp_path: Path) -> None:
    pod = Pod(tmp_path, away=1_000_000)
    pod.ways.note(RUN, CHILD)
    await pod.entrance.take_up()
    await until(lambda: pod.away < 1_000_000, "the cluster does not answer")
    await pod.entrance.close()
    assert pod.left == [(RUN, CHILD)]
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
