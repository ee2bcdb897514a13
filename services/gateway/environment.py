"""A job's environment as people write it, texts and secrets side by side, and as it is stored: each by itself.

Within the platform `env` stays what it was, and readers that know of no secrets still read it.
"""

from services.gateway.resources.jobs import Job
from services.gateway.resources.submissions import EnvEntry, JobRequest, SecretRef
from shared.contracts import job as contract


def told(request: JobRequest) -> contract.JobRequest:
    """The submission as it is stored."""
    secrets = {name: entry.secret for name, entry in entries(request).items() if isinstance(entry, SecretRef)}
    if not secrets:
        return request
    texts = {name: text for name, text in request.env.items() if name not in secrets}
    return request.model_copy(update={"env": texts, "secrets": secrets})


def as_written(job: Job) -> dict[str, EnvEntry]:
    """The environment of a stored job as its owner wrote it."""
    return {**entries(job), **{name: SecretRef(secret=secret) for name, secret in job.secrets.items()}}


def entries(job: JobRequest | Job) -> dict[str, EnvEntry]:
    """What `env` holds, with the type that the contract it extends cannot know."""
    found: dict[str, EnvEntry] = job.env
    return found
