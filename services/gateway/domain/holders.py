"""Who may keep a virtual cluster's secrets, and who may know what they are called."""

from services.gateway.domain.access import Caller, Role
from shared.contracts.errors import Forbidden, NotFound


def require_member(caller: Caller, vc: str) -> None:
    """Raises NotFound for a VC that the caller may not know of. Members may name its secrets in their jobs."""
    if not caller.admin and vc not in caller.vcs:
        raise NotFound(f"There is no virtual cluster '{vc}'. Check the name, or list yours.")


def require_administrator(caller: Caller, vc: str) -> None:
    """Raises NotFound as above, and Forbidden for a member."""
    require_member(caller, vc)
    if not caller.admin and caller.vcs[vc] is not Role.ADMIN:
        raise Forbidden(f"Only administrators may change the secrets of the virtual cluster '{vc}'. Ask one of them.")
