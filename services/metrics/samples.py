"""From a message of the METRICS stream to a sample."""

from pydantic import ValidationError

from shared.bus.codec import Undecodable
from shared.contracts import subjects
from shared.contracts.metrics import MOST, Sample


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
    if found.attempt > MOST:
        return Undecodable(f"{subject} carries an attempt beyond all that is counted here")
    return found
