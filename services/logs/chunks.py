"""From a message of the LOGS stream to what the ring takes: validated once, then kept as it came."""

from services.logs.domain.chunk import Arrival
from shared.bus.codec import Undecodable, log_chunk


def arrival(subject: str, payload: bytes) -> Arrival | Undecodable:
    """The chunk, or what is wrong with it.

    A bad message is returned as its error, not raised: it counts as read, or every tail would wait for it. It stays
    in the stream for whoever looks into it, and its lines show as a gap.
    """
    try:
        chunk = log_chunk(subject, payload)
    except Undecodable as error:
        return error
    return Arrival(
        job_id=chunk.job_id,
        attempt=chunk.attempt,
        rank=chunk.rank,
        seq=chunk.seq,
        count=chunk.count,
        lost=chunk.lost,
        payload=payload,
        ends=chunk.ends,
        unfinished=chunk.unfinished,
    )
