"""Whose series of METRICS a caller may read: the table of rights, as conditions on the labels of jobs' series.

A series is within sight if its labels meet one of the views. Views never overlap, so that no series counts twice.
"""

import re
from dataclasses import dataclass
from typing import Literal

from services.gateway.domain.access import Caller, Right, may
from services.gateway.domain.discretion import Subject
from shared.contracts.families import DROPPED, EXPORTED, REPORTED

JOB_METRICS = (*(one.name for one in EXPORTED), REPORTED, DROPPED)
"""What there is of jobs: every series of these bears its job's owner and virtual cluster."""

NOBODY = ""
"""Owns no job."""


@dataclass(frozen=True)
class Condition:
    """What a label of a series has to be; `=~` and `!~` take a regular expression for the whole of it."""

    label: str
    op: Literal["=", "!=", "=~", "!~"]
    value: str


View = tuple[Condition, ...]
"""Conditions that all have to be met."""


def views(caller: Caller) -> tuple[View, ...] | None:
    """The views that make up what the caller sees, at least one; None: everything there is."""
    if caller.admin:
        return None
    own = Condition("owner", "=", caller.name)
    read = sorted(vc for vc in caller.vcs if may(caller, Subject("", NOBODY, vc), Right.READ_METRICS))
    if not read:
        return ((own,),)
    among = "|".join(re.escape(vc) for vc in read)
    return ((Condition("vc", "=~", among),), (own, Condition("vc", "!~", among)))
