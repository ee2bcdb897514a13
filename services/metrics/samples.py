"""From a message of the METRICS stream to a sample."""

import sys

from pydantic import ValidationError

from shared.bus.codec import Undecodable
from shared.contracts import subjects
from shared.contracts.metrics import Sample


def sample(subject: str, payload: bytes) -> Sample | Undecodable:
    """The sample, or what is wrong with it.

    A bad message is returned as its error, not raised: it stays in the stream for whoever looks into it, and would
    else be buried again by every replica at each of its starts.
    """
    try:
        found = Sample.model_validate_json(payload)
    except ValidationError as error:
        return Undecodable(f"{subject} does not carry a sample: {error}")
    if subject != subjects.sample(found.job_id, found.rank):
        return Undecodable(f"{subject} carries a sample of rank {found.rank} of job {found.job_id}")
    if any(number > sys.maxsize for number in _numbers(found)):
        return Undecodable(f"{subject} carries a number beyond all that is counted here")
    return found


def _numbers(found: Sample) -> list[int]:
    """All that may be of any size."""
    network = (found.network.receive_bytes, found.network.transmit_bytes) if found.network else ()
    devices = (number for one in found.accelerators for number in (one.device, one.memory_bytes))
    own = (found.attempt, found.memory_bytes, found.block_read_bytes, found.block_write_bytes)
    return [number for number in (*own, *network, *devices) if number is not None]
