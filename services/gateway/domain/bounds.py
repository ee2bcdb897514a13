"""What a VC's policy lets its members ask for. It binds VC administrators too; platform administrators it does not.

A submission that asks for more than the policy gives is refused; one that leaves the field out gets what there is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from services.gateway.domain.access import Caller
from services.gateway.domain.policy import VcPolicy
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import PRIORITY, JobRequest

PolicyOf = Callable[[str], Awaitable[VcPolicy]]
"""What the VC of this name allows its members."""

DEFAULT_PRIORITY: int = JobRequest.model_fields["priority"].default

R = TypeVar("R", bound=JobRequest)


def bounded(caller: Caller, request: R, policy: VcPolicy) -> R:
    """The request as the policy lets it pass. Raises Invalid."""
    if caller.admin:
        return request
    given = request.model_fields_set
    changes: dict[str, int] = {}
    if policy.max_priority is not None and "priority" not in given:
        changes["priority"] = min(request.priority, policy.max_priority)
    else:
        check_priority(caller, request.vc, policy, request.priority)
    most = policy.max_duration_s
    if most is not None and request.max_duration_s is None:
        changes["max_duration_s"] = most
    elif most is not None and request.max_duration_s is not None and request.max_duration_s > most:
        raise _above("max_duration_s", request.vc, most)
    return request.model_copy(update=changes) if changes else request


@dataclass(frozen=True)
class Allowance:
    """The most that a submission to a VC may ask for, and what it gets where it does not say; None: no bound."""

    max_priority: int
    default_priority: int
    max_duration_s: int | None
    default_duration_s: int | None


def allowance(caller: Caller, policy: VcPolicy) -> Allowance:
    """What `bounded` lets this caller have."""
    if caller.admin:
        policy = VcPolicy()
    most = PRIORITY if policy.max_priority is None else policy.max_priority
    return Allowance(most, min(DEFAULT_PRIORITY, most), policy.max_duration_s, policy.max_duration_s)


def check_priority(caller: Caller, vc: str, policy: VcPolicy, priority: int) -> None:
    """Raises Invalid for a priority above what the VC's members may take."""
    if policy.max_priority is not None and priority > policy.max_priority and not caller.admin:
        raise _above("priority", vc, policy.max_priority)


def _above(field: str, vc: str, most: int) -> Invalid:
    message = f"must be at most {most} in the virtual cluster '{vc}'; a platform administrator may set more"
    return Invalid(f"{field}: {message}.", (FieldError(field=field, message=message),))
