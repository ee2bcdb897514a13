"""As whom runs are: never as root unless that was said, and nobody waits for a job to hear that nothing was."""

import pytest

from services.executor.backends.docker.users import User, Users
from services.executor.domain.observation import Refused
from shared.wrong_settings import WrongSettings

ROOT, PERSON = User(0, 0), User(1000, 100)
ADA, OTHERS = User(7, 8), User(9, 9)


def test_owners_have_their_own_user_else_that_of_everybody() -> None:
    users = Users({"ada": ADA, "*": OTHERS}, own=ROOT)
    assert (users.of("ada"), users.of("bob"), users.know_everybody) == (ADA, OTHERS, True)


def test_an_executor_that_is_not_root_runs_everybody_as_itself() -> None:
    users = Users({}, own=PERSON)
    assert (users.of("ada"), users.know_everybody) == (PERSON, True)
    with pytest.raises(WrongSettings, match="Only one that runs as root"):
        Users({"ada": ADA}, own=PERSON)


def test_one_that_is_root_does_not_start_before_somebody_has_a_user() -> None:
    with pytest.raises(WrongSettings, match=r"^JOBYARD_EXECUTOR_USERS is missing: .*USERS=\*=1000:1000"):
        Users({}, own=ROOT)


def test_an_owner_whom_nobody_has_named_is_refused_where_others_are_named() -> None:
    users = Users({"ada": ADA}, own=ROOT)
    refused = users.of("bob")
    assert isinstance(refused, Refused) and refused.reason.code == "no_user"
    assert not users.know_everybody
