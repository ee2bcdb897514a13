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
    if any(size > sys.maxsize for size in _sizes(found)):
        return Undecodable(f"{subject} carries more bytes than a machine can have")
    return found


def _sizes(found: Sample) -> list[int]:
    network = (found.network.receive_bytes, found.network.transmit_bytes) if found.network else ()
    devices = (accelerator.memory_bytes for accelerator in found.accelerators)
    own = (found.memory_bytes, found.block_read_bytes, found.block_write_bytes, found.attempt)
    return [size for size in (*own, *network, *devices) if size is not None]
