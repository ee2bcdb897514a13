"""Whose series a caller may read: the table of rights, as conditions on the labels that series bear.

A series is within sight if its labels meet one of the views of its kind. The views of a kind never overlap, so that no
series counts twice.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from services.gateway.domain.access import Caller, Right, may
from services.gateway.domain.discretion import Subject
from shared.contracts.families import DROPPED, EXPORTED, REPORTED
from shared.contracts.instruments import INSTRUMENTS

JOB_METRICS = (*(one.name for one in EXPORTED), REPORTED, DROPPED)
"""What there is of jobs: every series of these bears its job's owner and virtual cluster (VC)."""

PARTS = {"histogram": ("_bucket", "_sum", "_count")}
"""The names that Prometheus makes of one."""
VC_METRICS = tuple(
    f"{one.name}{part}" for one in INSTRUMENTS if "vc" in one.labels for part in PARTS.get(one.kind, ("",))
)
"""What the platform measures of each VC, without a word of a job or a person."""

NOBODY = ""
"""Owns no job."""


@dataclass(frozen=True)
class Condition:
    """What a label of a series has to be; `=~` and `!~` take a regular expression for the whole of it."""

    label: str
    op: Literal["=", "=~", "!~"]
    value: str


View = tuple[Condition, ...]
"""Conditions that all have to be met."""


@dataclass(frozen=True)
class Sight:
    """The views of jobs' series, at least one, and those of the VCs' series, perhaps none."""

    jobs: tuple[View, ...]
    vcs: tuple[View, ...]


def sight_of(caller: Caller) -> Sight | None:
    """What the caller sees; None: everything there is."""
    if caller.admin:
        return None
    own = Condition("owner", "=", caller.name)
    read = _vcs_with(caller, Right.READ_METRICS)
    jobs = ((_among("=~", read),), (own, _among("!~", read))) if read else ((own,),)
    listed = _vcs_with(caller, Right.SEE)
    return Sight(jobs, ((_among("=~", listed),),) if listed else ())


def _vcs_with(caller: Caller, right: Right) -> list[str]:
    """The VCs in which the caller has this right to the jobs of others."""
    return sorted(vc for vc in caller.vcs if may(caller, Subject("", NOBODY, vc), right))


def _among(op: Literal["=~", "!~"], vcs: Iterable[str]) -> Condition:
    return Condition("vc", op, "|".join(map(re.escape, vcs)))
