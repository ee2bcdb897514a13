"""Starts one run: its image, its container, its order, and its supervisor's word that it has the run.

What is mounted is what lay at the run's paths when they were opened, or nothing begins (`pinning`).

An attempt that was interrupted anywhere is made again from what it left: a container that has not been given its order
has started nothing, and is replaced; one whose supervisor has claimed the run is the run.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from secrets import token_hex

import structlog

from services.executor.backends.docker.containers import (
    HERE,
    Image,
    Kind,
    Surroundings,
    container_of,
    environment_of,
)
from services.executor.backends.docker.engine import Declined, Engine
from services.executor.backends.docker.fetching import Fetching
from services.executor.backends.docker.files import RunFiles
from services.executor.backends.docker.inside import MISPLACED
from services.executor.backends.docker.judging import runs
from services.executor.backends.docker.mounts import mounts_of
from services.executor.backends.docker.names import Container, is_of, name_of
from services.executor.backends.docker.networks import Networks
from services.executor.backends.docker.pinning import Pinned
from services.executor.backends.docker.refusing import refusal, unforeseen
from services.executor.backends.docker.users import User, Users
from services.executor.backends.protocol import RunOrder
from services.executor.domain.folder_errors import is_final
from services.executor.domain.observation import Refused
from services.executor.domain.registries import forbidden
from services.executor.folder_trouble import trouble
from services.executor.storages import Silent, Storages
from shared import descent
from shared.contracts.job import Reason

log = structlog.get_logger()

AT_ONCE = 4
"""Containers that are being started; the engine does each of them alone anyway."""
LOOK_S = 0.02
"""Between two looks at whether the supervisor has claimed its run, which takes a fresh interpreter's start."""
LOOKS = 25
"""Until the engine is asked whether the container is still there."""


class Launching:
    """Of all runs of one backend. `default_image`: of submissions that name none, which may come from anywhere.

    `stall_s`: for how long nothing of an image may arrive.
    """

    def __init__(
        self,
        engine: Engine,
        networks: Networks,
        files: RunFiles,
        surroundings: Surroundings,
        users: Users,
        default_image: str | None,
        registries: Sequence[str],
        stall_s: float,
    ) -> None:
        self._engine = engine
        self._networks = networks
        self._files = files
        self._surroundings = surroundings
        self._users = users
        self._default_image = default_image
        self._registries = registries
        self._room = asyncio.Semaphore(AT_ONCE)
        self._storages = Storages()
        self.fetching = Fetching(engine, stall_s)

    async def launch(self, order: RunOrder, kind: Kind | None) -> None:
        """Start what has not started, or write down why that cannot be. Raises EngineAway, OSError.

        `kind`: of the real devices that it is given.
        """
        marks = await asyncio.to_thread(self._files.read, order.run_id)
        if marks.begun or marks.buried_ns is not None or marks.refused is not None:
            return
        if marks.start is not None:
            await asyncio.to_thread(self._files.begin, order.run_id)
            return
        if marks.asked:
            await asyncio.to_thread(self._files.bury, order.run_id)
            return
        refused = await self._started(order, kind)
        if refused is not None:
            log.info("container_refused", run_id=order.run_id, reason=refused.reason.message)
            await asyncio.to_thread(self._files.refuse, order.run_id, refused)

    async def give_up(self, run_id: str, error: BaseException) -> None:
        """Its launch has met what nobody has foreseen: unless it lives, it never will. Raises EngineAway, OSError."""
        marks = await asyncio.to_thread(self._files.read, run_id)
        if marks.begun or marks.start is not None or marks.buried_ns is not None or marks.refused is not None:
            return
        await self._engine.remove(name_of(self._surroundings.home_id, run_id))
        await asyncio.to_thread(self._files.refuse, run_id, unforeseen(error))

    async def _started(self, order: RunOrder, kind: Kind | None) -> Refused | None:
        user, name = self._users.of(order.owner), order.image or self._default_image
        if isinstance(user, Refused):
            return user
        if name is None:
            message = "This node runs jobs in containers and has no default image. Submit the job with an image."
            return Refused(Reason(code="no_image", message=message))
        reason = forbidden(order.image, self._registries) if order.image else None
        if reason is not None:
            return Refused(reason)
        container = name_of(self._surroundings.home_id, order.run_id)
        try:
            if await self._is_left(container, order.run_id):
                await asyncio.to_thread(self._files.begin, order.run_id)
                return None
            image = await self.fetching.image(name, order)
            silent = await self._silent(order)
            if silent is not None:
                return silent
            async with self._networks.around(order), self._room:
                made_ns = await self._start(order, image, user, kind, container)
        except Declined as declined:
            return refusal(name, declined, order.login)
        except descent.Misled as misled:
            if not is_final(misled):
                raise
            return _moved(str(misled), str(misled.path))
        return await self._claimed(order.run_id, container, made_ns)

    async def _is_left(self, name: str, run_id: str) -> bool:
        """Whether an earlier executor has started it, and died before it could say so. Raises Declined."""
        container = await self._engine.inspect(name)
        if container is None:
            return False
        if not is_of(container, self._surroundings.home_id):
            raise Declined(409, f"a container with the name {name} that is not Jobyard's stands in the way")
        if runs(container) and (await asyncio.to_thread(self._files.read, run_id)).start is not None:
            return True
        await self._engine.remove(name)
        return False

    async def _silent(self, order: RunOrder) -> Refused | None:
        """Whether a storage of its has fallen silent while its image came, before it takes a place from others."""
        folders = order.folders
        for path in {folders.job, folders.checkpoints, folders.work, folders.data or folders.job}:
            try:
                await self._storages.at(path, partial(os.path.exists, path))
            except Silent as error:
                return Refused(trouble(error), busy=True)
        return None

    async def _start(self, order: RunOrder, image: Image, user: User, kind: Kind | None, name: str) -> int:
        """When nobody had claimed the run yet, for `_claimed`. Raises Declined, Misled, OSError."""
        here = HERE + token_hex(8)
        mounts = mounts_of(order, Path(self._files.base(order.run_id)), self._surroundings.runtime, here)
        made_ns = await asyncio.to_thread(self._make_files, order, user)
        with await asyncio.to_thread(Pinned, mounts) as pinned:
            config = container_of(order, image, user, mounts, here, kind, self._surroundings)
            await self._engine.create(name, config)
            told = _order(order, image, kind) | {"home": here, "mounts": pinned.expected}
            await self._engine.start_with_input(name, json.dumps(told).encode())
        return made_ns

    def _make_files(self, order: RunOrder, user: User) -> int:
        self._files.make(order.run_id, user)
        self._files.hand_over(order.folders, user)
        return self._files.changed_ns(order.run_id)

    async def _claimed(self, run_id: str, name: str, made_ns: int) -> Refused | None:
        """Until the supervisor has the run, or its container is gone without it; why it would not have it.

        A command may have erased the claim by now, but not that its file was written to.
        """
        while True:
            container = await self._engine.inspect(name)
            for _ in range(LOOKS):
                if await asyncio.to_thread(self._files.changed_ns, run_id) != made_ns:
                    await asyncio.to_thread(self._files.begin, run_id)
                    return None
                if not runs(container):
                    return self._without_supervisor(run_id, container)
                await asyncio.sleep(LOOK_S)

    def _without_supervisor(self, run_id: str, container: Container | None) -> Refused | None:
        """It may be made again, unless it ended because of what was mounted."""
        log.warning("container_without_supervisor", run_id=run_id)
        if container is not None and container["State"]["ExitCode"] == MISPLACED:
            return _moved("One of the run's folders is not the one any more that was checked", None)
        return None


def _order(order: RunOrder, image: Image, kind: Kind | None) -> dict[str, object]:
    """As `inside` reads it."""
    return {
        "run_id": order.run_id,
        "argv": list(order.argv),
        "cwd": str(order.cwd),
        "env": environment_of(order, image, kind),
        "has_home": "HOME" in order.env,
        "grace_s": order.grace_s,
        "hidden": list(order.hidden),
    }


def _moved(what: str, path: str | None) -> Refused:
    """Whoever did that may do it again: nothing is tried another time by itself."""
    message = f"{what}: somebody has moved it, or put a link in its place, while the run was being started. Nothing of "
    message += "the job has run. See to it that its paths stay where they are, and submit it again."
    return Refused(Reason(code="path_moved", message=message, details={"path": path} if path else {}))
