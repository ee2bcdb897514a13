"""Whose numbers a run's processes bear: those that an operator gave its owner, else the executor's own; never root's
unless that was said.

Only root can give files to others. So an executor that is not root runs everything as itself, and says so at its start
if it was told otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.executor.domain.observation import Refused
from shared.contracts.job import Reason

EVERYBODY = "*"


@dataclass(frozen=True)
class User:
    """Whose the run's processes are, by numbers: an image may know no names."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


class Users:
    """`named`: of owners, or of everybody else (`*`). Raises ValueError for what this executor cannot do."""

    def __init__(self, named: Mapping[str, User], own: User) -> None:
        if own.uid != 0 and (others := [owner for owner, user in named.items() if user != own]):
            raise ValueError(
                f"JOBYARD_EXECUTOR_USERS gives {others[0]} the user {named[others[0]]}, but this executor is {own}. "
                "Only one that runs as root can start runs as somebody else."
            )
        self._named = named
        self._own = own

    def of(self, owner: str) -> User | Refused:
        """Whom the owner's runs are, or why they cannot be anybody."""
        user = self._named.get(owner) or self._named.get(EVERYBODY)
        if user is not None:
            return user
        if self._own.uid != 0:
            return self._own
        message = (
            f"This node does not say as which user the runs of {owner} are to be, and without that none runs as root. "
            "Ask its operator to name one in JOBYARD_EXECUTOR_USERS."
        )
        return Refused(Reason(code="no_user", message=message, details={"owner": owner}))
