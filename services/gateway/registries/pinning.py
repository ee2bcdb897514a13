"""Pins a submission's image to the digest that its tag has now, where the registry says so in time.

A job without an image costs nothing here, and one with an image never more than the time limit: whatever goes wrong,
it is submitted as it was named, and says why. What a registry said counts for a while, so that a batch asks once.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import structlog

from services.gateway.domain.registries import scheme_of, unpinned
from services.gateway.registries.logins import KnownLogin, Logins
from services.gateway.registries.registry import NoDigest, RegistryApi
from shared.clock import Clock
from shared.contracts.images import ImageName, image_name
from shared.contracts.job import RunImage

log = structlog.get_logger()

AT_ONCE = 8
"""Questions to registries at one time."""
KNOWN_S = 30.0
"""How long an answer counts, and how long a registry that did not answer is left alone."""
KEPT = 2000
BUDGET_S = 10.0
"""What all images of one request may take together."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class _Answer:
    at: float
    digest: asyncio.Future[str]


class Pinning:
    """`known`: registries that are asked, and how; `in_use`: whether any node uses images, None if not known."""

    def __init__(
        self,
        api: RegistryApi,
        logins: Logins,
        known: Mapping[str, str],
        in_use: Callable[[], Awaitable[bool | None]],
        clock: Clock,
        timeout_s: float,
    ) -> None:
        self._api = api
        self._logins = logins
        self._registries = known
        self._in_use = in_use
        self._clock = clock
        self._timeout_s = timeout_s
        self._room = asyncio.Semaphore(AT_ONCE)
        self._answers: OrderedDict[tuple[str, str], _Answer] = OrderedDict()
        self._away: OrderedDict[str, tuple[float, NoDigest]] = OrderedDict()

    def deadline(self) -> float:
        """For the images of one request."""
        return self._clock.monotonic() + BUDGET_S

    async def of(self, asked: str | None, of_vc: str | None, vc: str, deadline: float | None) -> RunImage | None:
        """What a job of this VC starts in. `of_vc`: its default; `deadline`: none, if nobody is to be asked.

        Raises Unavailable when the VC's credentials cannot be opened.
        """
        text = asked or of_vc
        if text is None:
            return None
        image = image_name(text)
        login = await self._logins.of(vc, image.registry)
        reference, reason = text, None
        if image.digest is not None:
            reference = image.pinned(image.digest)
        elif deadline is not None:
            try:
                reference = image.pinned(await self._digest(image, login, vc, deadline))
            except NoDigest as none:
                reason = unpinned(text, image.registry, none.code, none.said)
        return RunImage(
            reference=reference,
            of_vc=asked is None,
            unpinned=reason,
            login=image.registry if login is not None else None,
        )

    async def _digest(self, image: ImageName, login: KnownLogin | None, vc: str, deadline: float) -> str:
        scheme = scheme_of(image, self._registries, login is not None)
        if scheme is None:
            raise NoDigest("registry_not_asked", f"the operators let nobody ask the registry {image.registry}")
        if await self._in_use() is False:
            raise NoDigest("images_not_used", "no node runs jobs in images now, so its registry was not asked")
        key = (image.full, "" if login is None else f"{vc}/{login.version}")
        now = self._clock.monotonic()
        known = self._answers.get(key)
        if known is None or now - known.at >= KNOWN_S:
            self._check_away(image.registry, now)
            known = _Answer(now, asyncio.ensure_future(self._asked(image, scheme, login)))
            known.digest.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is no news
            _keep(self._answers, key, known)
        try:
            async with asyncio.timeout(max(deadline - now, 0)):
                return await asyncio.shield(known.digest)
        except TimeoutError:
            raise NoDigest("registry_away", f"the registry {image.registry} took too long") from None

    async def _asked(self, image: ImageName, scheme: str, login: KnownLogin | None) -> str:
        try:
            async with asyncio.timeout(self._timeout_s), self._room:
                return await self._api.digest(image, scheme, login.login if login is not None else None)
        except TimeoutError:
            none = NoDigest("registry_away", "does not answer in time", away=True)
        except NoDigest as said:
            none = said
        log.info("image_not_pinned", registry=image.registry, problem=none.code)
        told = NoDigest(none.code, f"the registry {image.registry} {none.said}")
        if none.away:
            _keep(self._away, image.registry, (self._clock.monotonic(), told))
        raise told

    def _check_away(self, registry: str, now: float) -> None:
        since, said = self._away.get(registry, (float("-inf"), None))
        if said is not None and now - since < KNOWN_S:
            raise NoDigest(said.code, said.said)


def _keep(kept: "OrderedDict[K, V]", key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > KEPT:
        kept.popitem(last=False)
