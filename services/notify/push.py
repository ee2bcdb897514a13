"""Push messages through Apprise, to services whose scheme the operator allowed.

Apprise speaks to these services by itself: our rules on addresses do not hold for it, so that generic schemes such as
`json` let people reach the platform's own network. It is loaded when it is first needed, since that takes a while.
"""

import asyncio
import logging
from functools import cache
from typing import TYPE_CHECKING

from services.notify.domain.target import Push
from services.notify.failures import Missed

if TYPE_CHECKING:
    from apprise import Apprise


@cache
def _quiet() -> None:
    """Its own log may hold what stands in addresses."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)


def _sender(url: str) -> "Apprise | None":
    from apprise import Apprise

    _quiet()
    sender = Apprise()
    return sender if sender.add(url) else None


async def understood(target: Push) -> bool:
    """Whether Apprise can read the address."""
    return await asyncio.to_thread(_sender, target.url) is not None


async def push(target: Push, title: str, text: str, timeout_s: float) -> None:
    """Return when the service has taken it. Raises Missed."""
    sender = await asyncio.to_thread(_sender, target.url)
    if sender is None:
        raise Missed(f"The address is none that {target.scheme} understands.")
    try:
        async with asyncio.timeout(timeout_s):
            done = await asyncio.to_thread(sender.notify, body=text, title=title)
    except TimeoutError:
        raise Missed(f"{target.scheme} did not answer within {timeout_s:g} s.") from None
    if not done:
        raise Missed(f"{target.scheme} did not take the message.")
