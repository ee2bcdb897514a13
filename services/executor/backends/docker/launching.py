"""Starts one run: its image, its container, its order, and its supervisor's word that it has the run.

An attempt that was interrupted anywhere is made again from what it left: a container that has not been given its order
has started nothing, and is replaced; one whose supervisor has claimed the run is the run.
"""

import asyncio
import json
import time
from pathlib import Path

import structlog

from services.executor.backends.docker.containers import (
    HOME,
    Kind,
    Surroundings,
    User,
    container_of,
    environment_of,
    name_of,
    network_of,
)
from services.executor.backends.docker.engine import Declined, Engine, Unpullable
from services.executor.backends.docker.files import RunFiles
from services.executor.backends.docker.judging import is_of, runs
from services.executor.backends.docker.users import Users
from services.executor.backends.protocol import RunOrder
from services.executor.domain.observation import Refused
from services.executor.domain.pulling import Progress
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.job import HIDDEN, Reason
from shared.contracts.masking import hidden_in, masked

log = structlog.get_logger()

AT_ONCE = 4
"""Containers that are being started; the engine does each of them alone anyway."""
LOOK_S = 0.02
"""Between two looks at whether the supervisor has claimed its run, which takes a fresh interpreter's start."""
LOOKS = 25
"""Until the engine is asked whether the container is still there."""
_FINAL = ("not found", "denied", "unauthorized", "no basic auth", "manifest unknown", "invalid reference", "forbidden")
"""What a registry says that would say the same another time."""


class Launching:
    """Of all runs of one backend. `default_image`: of submissions that name none."""

    def __init__(
        self, engine: Engine, files: RunFiles, surroundings: Surroundings, users: Users, default_image: str | None
    ) -> None:
        self._engine = engine
        self._files = files
        self._surroundings = surroundings
        self._users = users
        self._default_image = default_image
        self._room = asyncio.Semaphore(AT_ONCE)
        self.fetching: dict[str, Progress] = {}
        """Runs whose image is being pulled: nothing of them is there yet."""

    async def launch(self, order: RunOrder, kind: Kind | None) -> None:
        """Start what has not started, or write down why that cannot be. Raises EngineAway, OSError.

        `kind`: of the real devices that it is given.
        """
        marks = await asyncio.to_thread(self._files.read, order.run_id)
        if marks.begun or marks.refused is not None or marks.start is not None:
            return
        if marks.asked:
            await asyncio.to_thread(self._files.bury, order.run_id, self._surroundings.boot_id)
            return
        refused = await self._started(order, kind)
        if refused is not None:
            log.info("container_refused", run_id=order.run_id, reason=refused.reason.message)
            await asyncio.to_thread(self._files.refuse, order.run_id, refused)

    async def _started(self, order: RunOrder, kind: Kind | None) -> Refused | None:
        user, image = self._users.of(order.owner), order.image or self._default_image
        if isinstance(user, Refused):
            return user
        if image is None:
            message = "This node runs jobs in containers and has no default image. Submit the job with an image."
            return Refused(Reason(code="no_image", message=message))
        name = name_of(self._surroundings.home_id, order.run_id)
        try:
            if not await self._is_left(name, order.run_id):
                await self._fetch(image, order)
                async with self._room:
                    await self._create(order, image, user, kind, name)
                    order_line = json.dumps(_order(order, kind)).encode()
                    await self._engine.start_with_input(name, order_line)
        except Declined as declined:
            return _refusal(image, declined, order.login)
        await self._claimed(order.run_id, name)
        return None

    async def _fetch(self, image: str, order: RunOrder) -> None:
        """May take long, and keeps nobody else from starting. Raises Unpullable."""
        if await self._engine.has(image):
            return
        log.info("image_pulled", run_id=order.run_id, image=image)
        progress = self.fetching[order.run_id] = Progress(image, time.time_ns())
        try:
            await self._engine.pull(image, order.login, progress.take)
        finally:
            del self.fetching[order.run_id]

    async def _is_left(self, name: str, run_id: str) -> bool:
        """Whether an earlier executor has started it, and died before it could say so. Raises Declined."""
        container = await self._engine.inspect(name)
        if container is None:
            return False
        if not is_of(container, HOME, self._surroundings.home_id):
            raise Declined(409, f"a container with the name {name} that is not Jobyard's stands in the way")
        if runs(container) and (await asyncio.to_thread(self._files.read, run_id)).start is not None:
            return True
        await self._engine.remove(name)
        return False

    async def _create(self, order: RunOrder, image: str, user: User, kind: Kind | None, name: str) -> None:
        """Raises Declined, OSError."""
        await asyncio.to_thread(self._make_files, order, user)
        base = Path(self._files.base(order.run_id))
        config = container_of(order, image, user, base, kind, self._surroundings)
        if order.ranks > 1:
            labels = {HOME: self._surroundings.home_id}
            await self._engine.make_network(network_of(self._surroundings.home_id, order), labels)
        await self._engine.create(name, config)

    def _make_files(self, order: RunOrder, user: User) -> None:
        self._files.make(order.run_id, user)
        self._files.hand_over(order.folders, user)

    async def _claimed(self, run_id: str, name: str) -> None:
        """Until the supervisor has the run, or its container is gone without it."""
        while True:
            there = runs(await self._engine.inspect(name))
            for _ in range(LOOKS):
                if (await asyncio.to_thread(self._files.read, run_id)).start is not None:
                    await asyncio.to_thread(self._files.begin, run_id)
                    return
                if not there:
                    log.warning("container_without_supervisor", run_id=run_id)
                    return
                await asyncio.sleep(LOOK_S)


def _order(order: RunOrder, kind: Kind | None) -> dict[str, object]:
    """As `inside` reads it."""
    return {
        "run_id": order.run_id,
        "argv": list(order.argv),
        "cwd": str(order.cwd),
        "env": environment_of(order, kind),
        "grace_s": order.grace_s,
        "hidden": list(order.hidden),
    }


def _refusal(image: str, declined: Declined, login: RegistryLogin | None) -> Refused:
    """What the engine would not do, in its own words; a registry that does not answer may do so another time.

    A registry may say whatever it likes, also what it was let in with.
    """
    said = masked(declined.said.rstrip("."), hidden_in([login.password]) if login is not None else (), HIDDEN)
    if isinstance(declined, Unpullable):
        final = any(word in said.lower() for word in _FINAL)
        hint = "Check its name, and whether this node may pull it" if final else "The registry may answer later"
        message = f"The image {image} is not on this node and cannot be pulled: {said}. {hint}."
        return Refused(
            Reason(code="image_unavailable", message=message, details={"image": image, "said": said}), busy=not final
        )
    message = f"The Docker engine does not start the run's container: {said}."
    return Refused(Reason(code="container_refused", message=message, details={"image": image, "said": said}))
