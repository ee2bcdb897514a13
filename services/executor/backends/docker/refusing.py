"""Why a run's container is not started, in the engine's own words and with what one can do about it.

That a registry cannot be reached is not the node's fault: the run waits, and its node takes others meanwhile.
"""

from services.executor.backends.docker.engine import Declined, Unpullable
from services.executor.domain.observation import Refused
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.job import HIDDEN, Reason
from shared.contracts.masking import hidden_in, masked

_FINAL = ("not found", "denied", "unauthorized", "no basic auth", "manifest unknown", "invalid reference", "forbidden")
"""What a registry says that would say the same another time."""
_HINTS = {
    "x509": "The Docker engine of this node does not trust that registry's certificate; an operator can install it",
    "server gave http response to https client": "That registry speaks plain HTTP; an operator can name it to the "
    "Docker engine of this node as an insecure registry",
    "no such host": "This node finds no registry of that name. Check how it is spelled, or ask an operator",
}
"""What an engine says that cannot reach a registry: nothing changes by itself, but somebody may put it right."""


def refusal(image: str, declined: Declined, login: RegistryLogin | None) -> Refused:
    """What the engine would not do, in its own words; a registry that does not answer may do so another time.

    A registry may say whatever it likes, also what it was let in with.
    """
    said = masked(declined.said.rstrip("."), hidden_in([login.password]) if login is not None else (), HIDDEN)
    if isinstance(declined, Unpullable):
        final = any(word in said.lower() for word in _FINAL)
        later = next((_HINTS[word] for word in _HINTS if word in said.lower()), "The registry may answer later")
        hint = "Check its name, and whether this node may pull it" if final else later
        message = f"The image {image} is not on this node and cannot be pulled: {said}. {hint}."
        reason = Reason(code="image_unavailable", message=message, details={"image": image, "said": said})
        return Refused(reason, busy=not final, own=True)
    message = f"The Docker engine does not start the run's container: {said}."
    return Refused(Reason(code="container_refused", message=message, details={"image": image, "said": said}))
