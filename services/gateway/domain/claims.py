"""What an issuer's claims make of somebody here: a name, an address, roles."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.gateway.domain.access import Role
from shared.contracts.errors import Forbidden

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
VC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,187}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Grant:
    """Members of a group have this role in this VC."""

    group: str
    vc: str
    role: Role


def grant_of(text: str) -> Grant:
    """From `group=vc:role`. Raises ValueError."""
    group, equals, place = text.rpartition("=")
    vc, _, role = place.partition(":")
    if not (equals and group and VC.fullmatch(vc) and role in tuple(Role)):
        raise ValueError(f"'{text[:80]}' is no grant; write it as group=vc:member or group=vc:admin")
    return Grant(group, vc, Role(role))


@dataclass(frozen=True)
class Person:
    """Somebody as the issuer describes them. `vcs`: roles in the VCs that follow the claims, None for no role."""

    name: str
    email: str | None
    vcs: Mapping[str, Role | None]
    admin: bool | None


def person_of(
    claims: Mapping[str, Any], name_claim: str, groups_claim: str, grants: Sequence[Grant], admin_group: str | None
) -> Person:
    """Raises Forbidden where the name cannot be a name here."""
    name = claims.get(name_claim)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Forbidden(
            f"The issuer's claim '{name_claim}' is no user name here (letters, digits, '.', '_' or '-', at most 64). "
            "Ask the operators to choose another claim."
        )
    email = claims.get("email")
    groups = _groups(claims.get(groups_claim))
    vcs: dict[str, Role | None] = {grant.vc: None for grant in grants}
    for grant in grants:
        if grant.group in groups and vcs[grant.vc] is not Role.ADMIN:
            vcs[grant.vc] = grant.role
    return Person(
        name=name,
        email=email if isinstance(email, str) and EMAIL.fullmatch(email) else None,
        vcs=vcs,
        admin=admin_group in groups if admin_group is not None else None,
    )


def _groups(claim: object) -> frozenset[str]:
    if isinstance(claim, str):
        return frozenset({claim})
    return frozenset(item for item in claim if isinstance(item, str)) if isinstance(claim, list) else frozenset()
