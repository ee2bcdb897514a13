"""What claims make of somebody: names, addresses, roles, and the grants that an operator writes."""

from typing import Any

import pytest

from services.gateway.domain.access import Role
from services.gateway.domain.claims import Grant, Person, grant_of, person_of
from services.gateway.oidc.settings import OidcSettings
from shared.contracts.errors import Forbidden

GRANTS = (Grant("r", "lab", Role.MEMBER), Grant("l", "lab", Role.ADMIN), Grant("r", "pool", Role.MEMBER))


def person(admin_group: str | None = None, **claims: Any) -> Person:
    return person_of({"name": "ada", **claims}, "name", "groups", GRANTS, admin_group)


@pytest.mark.parametrize(
    ("groups", "vcs"),
    [
        (["r"], {"lab": Role.MEMBER, "pool": Role.MEMBER}),
        (["l"], {"lab": Role.ADMIN, "pool": None}),
        (["r", "l"], {"lab": Role.ADMIN, "pool": Role.MEMBER}),
        ("l", {"lab": Role.ADMIN, "pool": None}),
        ([], {"lab": None, "pool": None}),
        (None, {"lab": None, "pool": None}),
        ([["r"], 7, None, {"r": 1}], {"lab": None, "pool": None}),
        ({"r": True}, {"lab": None, "pool": None}),
    ],
)
def test_the_highest_role_of_all_groups_counts_and_what_is_no_group_gives_nothing(
    groups: object, vcs: dict[str, Role | None]
) -> None:
    assert person(groups=groups).vcs == vcs


def test_only_the_admin_group_makes_administrators_and_without_one_claims_decide_nothing() -> None:
    assert person("ops", groups=["ops"]).admin is True
    assert person("ops", groups=["op"]).admin is False
    assert person(None, groups=["ops"]).admin is None


@pytest.mark.parametrize("name", [None, 1, "", "a b", "a@b", "x" * 65, "a\n", ["ada"], {"$ne": None}], ids=repr)
def test_what_is_no_name_is_refused(name: object) -> None:
    with pytest.raises(Forbidden, match="no user name"):
        person(name=name)


@pytest.mark.parametrize("email", [None, 1, "x", "a@b\r\nBcc: c@d", "a@b\n", "<a@b>", "a@b,c@d", "a\u2028@b"], ids=repr)
def test_what_could_break_a_mail_is_no_address(email: object) -> None:
    assert person(email=email).email is None
    assert person(email="ada@example.org").email == "ada@example.org"


def test_grants_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_GATEWAY_OIDC_VCS", "r=lab:member, cn=leads=lab:admin ,")
    assert OidcSettings().vcs == (Grant("r", "lab", Role.MEMBER), Grant("cn=leads", "lab", Role.ADMIN))


@pytest.mark.parametrize(
    "text", ["", "r", "r=lab", "r=lab:owner", "=lab:member", "r=:member", "r=a b:member", "r=a.b:admin"]
)
def test_what_is_no_grant_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write it as group=vc:member"):
        grant_of(text)
