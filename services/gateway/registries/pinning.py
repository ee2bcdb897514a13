"""Pins a submission's image to the digest that its tag has now, where the registry says so in time.

A job without an image costs nothing here, and one with an image never more than the time limit: whatever goes wrong,
it is submitted as it was named, and says why. Unless that is the registry's address: where the gateway may not go, no
node is sent. A registry is asked anew for each request, since a tag may just have been moved; once for all jobs of a
batch, and once for all that wait for the same answer.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import structlog

from services.gateway.domain.registries import scheme_of, unpinned
from services.gateway.registries.logins import KnownLogin, Logins
from services.gateway.registries.registry import ADDRESS, NoDigest, RegistryApi
from shared.clock import Clock
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.images import ImageName, image_name
from shared.contracts.job import RunImage

log = structlog.get_logger()

AT_ONCE = 8
"""Questions to registries at one time: to those that operators named, and as many to all others."""
AT_ONCE_PER_VC = 2
"""To registries that only a VC's credentials name: they may be anybody's, and answer as slowly as he likes."""
LEFT_ALONE_S = 30.0
"""How long a registry that did not answer is not asked again."""
BUDGET_S = 10.0
"""What all images of one request may take together."""
KEPT = 1000
"""Registries that are remembered: credentials name any."""

Key = tuple[str, str]
"""An image, and the credentials that it is asked for with."""


@dataclass(frozen=True)
class Request:
    """What is known to one request, and until when it waits."""

    until: float
    known: dict[Key, "asyncio.Task[str]"] = field(default_factory=dict)


class Pinning:
    """`registries`: those that are asked, and how; `in_use`: whether any node uses images, None if not known."""

    def __init__(
        self,
        api: RegistryApi,
        logins: Logins,
        registries: Mapping[str, str],
        in_use: Callable[[], Awaitable[bool | None]],
        clock: Clock,
        timeout_s: float,
    ) -> None:
        self._api = api
        self._logins = logins
        self._registries = registries
        self._in_use = in_use
        self._clock = clock
        self._timeout_s = timeout_s
        self._room = asyncio.Semaphore(AT_ONCE)
        self._others = asyncio.Semaphore(AT_ONCE)
        self._of_vcs: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._under_way: dict[Key, asyncio.Task[str]] = {}
        self._away: OrderedDict[str, tuple[float, NoDigest]] = OrderedDict()

    def request(self) -> Request:
        """For the images of one request."""
        return Request(self._clock.monotonic() + BUDGET_S)

    async def of(self, asked: str | None, of_vc: str | None, vc: str, request: Request | None) -> RunImage | None:
        """What a job of this VC starts in. `of_vc`: its default; `request`: none, if no registry is to be asked.

        Raises Unavailable when the VC's credentials cannot be opened, Invalid for a registry whose address is refused.
        """
        text = asked or of_vc
        if text is None:
            return None
        image = image_name(text)
        login = await self._logins.of(vc, image.registry)
        reference, reason = text, None
        if image.digest is not None:
            reference = image.pinned(image.digest)
        elif request is not None:
            try:
                reference = image.pinned(await self._digest(image, login, vc, request))
            except NoDigest as none:
                if none.code == ADDRESS:
                    raise _not_there(text, none) from none
                reason = unpinned(text, image.registry, none.code, none.said)
        return RunImage(
            reference=reference,
            of_vc=asked is None,
            unpinned=reason,
            login=image.registry if login is not None else None,
        )

    async def _digest(self, image: ImageName, login: KnownLogin | None, vc: str, request: Request) -> str:
        scheme = scheme_of(image, self._registries, login is not None)
        if scheme is None:
            said = f"the operators let nobody ask the registry {image.registry} (JOBYARD_GATEWAY_REGISTRIES)"
            raise NoDigest("registry_not_asked", said)
        if await self._in_use() is False:
            raise NoDigest("images_not_used", "no node runs jobs in images now, so its registry was not asked")
        key = (image.full, "" if login is None else f"{vc}/{login.version}")
        now = self._clock.monotonic()
        if key not in request.known:
            self._check_away(image.registry, now)
            request.known[key] = self._question(key, image, scheme, login, vc)
        try:
            async with asyncio.timeout(max(request.until - now, 0)):
                return await asyncio.shield(request.known[key])
        except TimeoutError:
            raise NoDigest("registry_away", f"the registry {image.registry} took too long") from None

    def _question(
        self, key: Key, image: ImageName, scheme: str, login: KnownLogin | None, vc: str
    ) -> "asyncio.Task[str]":
        """The one that is under way, else a new one."""
        if key not in self._under_way:
            task = asyncio.create_task(self._asked(image, scheme, login, vc))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever waited may have gone
        return self._under_way[key]

    async def _asked(self, image: ImageName, scheme: str, login: KnownLogin | None, vc: str) -> str:
        began = False
        try:
            async with asyncio.timeout(self._timeout_s), self._turn(image.registry, vc):
                began = True
                return await self._api.digest(image, scheme, login.login if login is not None else None)
        except TimeoutError:
            none = NoDigest("registry_away", "does not answer in time", away=began)
        except NoDigest as said:
            none = said
        log.info("image_not_pinned", registry=image.registry, problem=none.code)
        told = NoDigest(none.code, f"the registry {image.registry} {none.said}")
        if none.away:
            self._away[image.registry] = (self._clock.monotonic(), told)
            self._away.move_to_end(image.registry)
            if len(self._away) > KEPT:
                self._away.popitem(last=False)
        raise told

    @asynccontextmanager
    async def _turn(self, registry: str, vc: str) -> AsyncIterator[None]:
        if registry in self._registries:
            async with self._room:
                yield
        else:
            own = self._of_vcs.setdefault(vc, asyncio.Semaphore(AT_ONCE_PER_VC))
            async with own, self._others:
                yield

    def _check_away(self, registry: str, now: float) -> None:
        since, said = self._away.get(registry, (float("-inf"), None))
        if said is not None and now - since < LEFT_ALONE_S:
            raise NoDigest(said.code, said.said)


def _not_there(image: str, none: NoDigest) -> Invalid:
    message = f"No job is started in the image {image}: {none.said}."
    return Invalid(message, errors=(FieldError(field="image", message=message),))
