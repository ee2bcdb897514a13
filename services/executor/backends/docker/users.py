"""Whose numbers a run's processes bear: those that an operator gave its owner, else the executor's own; never root's
unless that was said.

Only root can give files to others. So an executor that is not root runs everything as itself. One that was told what
it cannot do, or is root and was told nothing, does not start: each job would end with that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.executor.domain.observation import Refused
from shared.contracts.job import Reason
from shared.wrong_settings import WrongSettings

EVERYBODY = "*"


@dataclass(frozen=True)
class User:
    """Whose the run's processes are, by numbers: an image may know no names."""

    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


class Users:
    """`named`: of owners, or of everybody else (`*`). Raises WrongSettings for what this executor cannot do."""

    def __init__(self, named: Mapping[str, User], own: User) -> None:
        if own.uid != 0 and (others := [owner for owner, user in named.items() if user != own]):
            raise WrongSettings(
                f"JOBYARD_EXECUTOR_USERS gives {others[0]} the user {named[others[0]]}, but this executor is {own}. "
                "Only one that runs as root can start runs as somebody else."
            )
        if own.uid == 0 and not named:
            raise WrongSettings(
                "JOBYARD_EXECUTOR_USERS is missing: this executor runs as root, and no run does unless that is said. "
                "With JOBYARD_EXECUTOR_USERS=*=1000:1000 all runs are the user 1000 and the group 1000."
            )
        self._named = named
        self._own = own

    @property
    def know_everybody(self) -> bool:
        """Whether nobody's runs are refused here."""
        return self._own.uid != 0 or EVERYBODY in self._named

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
