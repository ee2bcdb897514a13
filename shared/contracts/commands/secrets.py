"""What the gateway says of secrets: values for a run that starts, and what a text must not show of them."""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.contracts.base import Contract, JobId
from shared.contracts.commands.command import Command
from shared.contracts.job import SECRETS, SecretName


class RevealSecrets(Contract):
    """The values that a job's environment names. Whose they are is read from the job, not from whoever asks."""

    job_id: JobId
    names: Annotated[tuple[SecretName, ...], Field(min_length=1, max_length=SECRETS)]


class RevealedSecrets(Contract):
    """As many as fit in a message, at least one; ask again for the rest. NotFound names one that is not there."""

    model_config = ConfigDict(hide_input_in_errors=True)

    values: Annotated[dict[str, str], Field(repr=False)]


class FindSecrets(Contract):
    """Texts that are about to leave the platform, and the job that they are about."""

    model_config = ConfigDict(hide_input_in_errors=True)

    job_id: JobId
    texts: Annotated[tuple[str, ...], Field(repr=False)]


class FoundSecrets(Contract):
    """What of the values of the job's secrets stands in these texts, and nothing else of them."""

    model_config = ConfigDict(hide_input_in_errors=True)

    found: Annotated[tuple[str, ...], Field(repr=False)]


class RevealLogin(Contract):
    """The credentials that a job's image is pulled with. For which registry is read from the job."""

    job_id: JobId


class RegistryLogin(Contract):
    """What a registry lets somebody in with. NotFound: the virtual cluster has none for it any more."""

    model_config = ConfigDict(hide_input_in_errors=True)

    registry: str
    username: str
    password: Annotated[str, Field(repr=False)]


REVEAL = Command("cmd.gateway.reveal.v1", RevealSecrets, RevealedSecrets, "Secrets of a job that is being started.")


REVEAL_LOGIN = Command(
    "cmd.gateway.reveal_login.v1",
    RevealLogin,
    RegistryLogin,
    "Credentials for the image of a job that is being started.",
)


FIND_SECRETS = Command(
    "cmd.gateway.find_secrets.v1", FindSecrets, FoundSecrets, "What a text about a job must not show of its secrets."
)
