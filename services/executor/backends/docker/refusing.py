"""Why a run's container is not started, in the engine's own words and with what one can do about it.

That a registry cannot be reached is not the node's fault: the run waits, and its node takes others meanwhile. What the
engine itself fails at is, a full disk or a broken store of images among it: the run is queued again, and the node left
alone for a while.
"""

from services.executor.backends.docker.engine import Declined, Networkless, Unpullable
from services.executor.domain.observation import Refused
from services.executor.domain.pull_failures import is_final, is_of_the_node
from services.executor.domain.quoted import sentence
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.job import HIDDEN, Reason
from shared.contracts.masking import hidden_in, masked

_HINTS = {
    "x509": "The Docker engine of this node does not trust that registry's certificate; an operator can install it",
    "server gave http response to https client": "That registry speaks plain HTTP; an operator can name it to the "
    "Docker engine of this node as an insecure registry",
    "no such host": "This node finds no registry of that name. Check how it is spelled, or ask an operator",
}
"""What an engine says that cannot reach a registry: nothing changes by itself, but somebody may put it right."""
_POOLS = (
    "Each run of several ranks needs one, and an engine has addresses for some thirty: others have to end first, or an "
    "operator gives it more (default-address-pools in its daemon.json)."
)
_OF_THE_JOB = (
    "no such file",
    "not a directory",
    "is a directory",
    "executable file not found",
    "exec format",
)
"""What an engine says that cannot start what it was given: elsewhere it would say the same."""


def refusal(image: str, declined: Declined, login: RegistryLogin | None) -> Refused:
    """What the engine would not do, in its own words; a registry that does not answer may do so another time.

    A registry may say whatever it likes, also what it was let in with.
    """
    secrets = hidden_in([login.password]) if login is not None else ()
    said = sentence(masked(declined.said, secrets, HIDDEN))
    if isinstance(declined, Unpullable):
        final, of_node = is_final(declined.said), is_of_the_node(declined.said)
        hint = next((_HINTS[word] for word in _HINTS if word in said.lower()), "The registry may answer later")
        if final:
            hint = "Check its name, and whether this node may pull it"
        elif of_node:
            hint = (
                "Another node may be able to; if it goes on, an operator has to look at this one, and at its disk first"
            )
        message = f"The image {image} is not on this node and cannot be pulled: {said} {hint}."
        reason = Reason(code="image_unavailable", message=message, details={"image": image, "said": said})
        return Refused(reason, busy=not final, own=not of_node)
    if isinstance(declined, Networkless):
        message = f"The ranks of the run get no network on this node: {said} {_POOLS}"
        return Refused(Reason(code="network_refused", message=message, details={"said": said}), busy=True)
    message = f"The Docker engine does not start the run's container: {said}"
    busy = declined.status >= 500 and not any(word in said.lower() for word in _OF_THE_JOB)
    if busy:
        message += " Another node may do so, or this one later; if it goes on, an operator has to look at it."
    return Refused(Reason(code="container_refused", message=message, details={"image": image, "said": said}), busy=busy)


def unforeseen(error: BaseException) -> Refused:
    """Not said in the engine's words, for it has said nothing of the kind."""
    said = sentence(f"{type(error).__name__}: {error}")
    message = f"The executor of this node failed when it was to start the run: {said} Its log says more."
    return Refused(Reason(code="launch_failed", message=message, details={"said": said}), busy=True)
