"""What the LOGS stream itself says: when it was made, where it ends, and whether it holds more of a job's lines."""

from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from shared.bus.bus import Bus
from shared.bus.lookup import StreamAway, sequence_of
from shared.contracts import subjects


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
        last one is looked up. Raises StreamAway.
        """
        subject = subjects.log(job_id)
        if not await sequence_of(self._bus, subjects.LOGS, {"seq": position + 1, "next_by_subj": subject}, timeout_s):
            return 0
        return await sequence_of(self._bus, subjects.LOGS, {"last_by_subj": subject}, timeout_s)
