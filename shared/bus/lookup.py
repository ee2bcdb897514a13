"""Small questions to the leader of a stream, which knows of every message that was acknowledged.

Not asked by direct get, which a replica that lags may answer.
"""

import json
from typing import Any

from nats.errors import Error as NatsError

from shared.bus.bus import Bus
from shared.contracts.errors import TemporaryError

_NO_MESSAGE = 10037


class StreamAway(TemporaryError):
    """JetStream does not answer for a stream."""


async def sequence_of(bus: Bus, stream: str, ask: dict[str, object], timeout_s: float) -> int:
    """The sequence of the message that is asked for; 0: there is none. Raises StreamAway."""
    try:
        reply = await bus.nats.request(
            f"$JS.API.STREAM.MSG.GET.{stream}", json.dumps(ask).encode(), timeout=max(timeout_s, 0.01)
        )
    except (NatsError, TimeoutError) as error:
        raise StreamAway(f"The stream {stream} does not answer.") from error
    answer: dict[str, Any] = json.loads(reply.data)
    if "error" not in answer:
        return int(answer["message"]["seq"])
    if answer["error"].get("err_code") == _NO_MESSAGE:
        return 0
    raise StreamAway(f"The stream {stream} cannot be read: {answer['error'].get('description')}.")
