"""What the LOGS stream itself says: when it was made, where it ends, and whether it holds more of a job's lines."""

import json
from typing import Any

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.errors import TemporaryError

_NO_MESSAGE = 10037


class StreamAway(TemporaryError):
    """JetStream does not answer for the LOGS stream."""


class LogStream:
    """Questions to the leader of the LOGS stream, which knows of every chunk that was acknowledged."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def state(self) -> tuple[str, int]:
        """When it was made, and its last sequence. Raises StreamAway."""
        try:
            info = await self._bus.js.stream_info(subjects.LOGS)
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise StreamAway("The stream of log lines does not answer.") from error
        return str(info.created), info.state.last_seq

    async def needed(self, job_id: str, position: int, timeout_s: float) -> int:
        """How far to read so that nothing is missing of what the job has published; 0: read enough at `position`.

        One small question, mostly answered by "no message": whether the job has a chunk after `position`; else its
        last one is looked up. Not asked by direct get, which a replica that lags may answer. Raises StreamAway.
        """
        subject = subjects.log(job_id)
        if not await self._sequence({"seq": position + 1, "next_by_subj": subject}, timeout_s):
            return 0
        return await self._sequence({"last_by_subj": subject}, timeout_s)

    async def _sequence(self, ask: dict[str, object], timeout_s: float) -> int:
        """The sequence of the message that is asked for; 0: there is none."""
        try:
            reply = await self._bus.nats.request(
                f"$JS.API.STREAM.MSG.GET.{subjects.LOGS}", json.dumps(ask).encode(), timeout=timeout_s
            )
        except (NatsError, TimeoutError) as error:
            raise StreamAway("The stream of log lines does not answer.") from error
        answer: dict[str, Any] = json.loads(reply.data)
        if "error" not in answer:
            return int(answer["message"]["seq"])
        if answer["error"].get("err_code") == _NO_MESSAGE:
            return 0
        raise StreamAway(f"The stream of log lines cannot be read: {answer['error'].get('description')}.")
