"""Sign-ins that their owner has ended: a token says until when it counts, and nothing in it can be taken back.

So the id of one that was ended is kept until the token would have ended by itself. Every replica looks it up, at most
once a second for each token, and what let somebody in by it (an open stream, a ticket, an endpoint's cookie) ends too.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from services.gateway.fresh import Fresh
from services.gateway.tokens import CLOCK_SKEW_S, Claims
from shared.clock import Clock
from shared.contracts.base import Contract, Timestamp, rfc3339
from shared.contracts.errors import TemporaryError
from shared.store.port import Between, DuplicateKey, Index, Schema, Store

log = structlog.get_logger()

KEPT_LONGER = timedelta(seconds=2 * CLOCK_SKEW_S)
"""Than a token counts by the own clock: by that of another replica it may still count."""


class EndedDocument(Contract):
    """A sign-in that was ended; its id is the token's."""

    id: str
    version: int = 1
    until: Timestamp


ENDED = Schema[EndedDocument](
    "ended_sign_ins",
    dump=lambda ended: ended.model_dump_json().encode(),
    load=EndedDocument.model_validate_json,
    indexes=(Index("until", ("until",)),),
)


class SignOuts:
    """Ends sign-ins, and knows which were ended."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._documents = store.collection(ENDED)
        self._clock = clock
        self._fresh: Fresh[bool] = Fresh(clock)

    async def end(self, claims: Claims) -> None:
        """From now on this token does not count. What is remembered of tokens whose time is long over goes, some other
        time if not now. Raises TemporaryError.
        """
        if claims.id is None:
            return
        with suppress(DuplicateKey):
            until = datetime.fromtimestamp(claims.expires, UTC)
            await self._documents.insert(EndedDocument(id=claims.id, until=until))
        self._fresh.forget(claims.id)
        try:
            await self._tidy()
        except TemporaryError as error:
            log.warning("ended_sign_ins_not_tidied", error=str(error))

    async def _tidy(self) -> None:
        over = rfc3339(self._clock.now() - KEPT_LONGER)
        for stale in (await self._documents.find((Between("until", high=over),), ("until",))).items:
            await self._documents.delete(stale.id)

    async def has_ended(self, id: str) -> bool:
        """Whether the token of this id was ended, as of at most FRESH_S ago."""

        async def read() -> bool:
            return await self._documents.get(id) is not None

        return await self._fresh.get(id, read)
