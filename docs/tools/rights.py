"""`docs/rights.md`: who sees and does what, drawn from the gateway's own table."""

from services.gateway.domain.access import CHANGING, RIGHTS, WHEN, Relation, Right
from shared.contracts.job import JobStatus

INTRODUCTION = """# Who sees and does what

Written by `make docs` from `RIGHTS` in `services/gateway/domain/access.py`; do not edit. Every route, list, feed and
console asks this one table. What somebody is to a job: the first row that fits.
"""

NOTES = """
A job that one may not see does not exist for one: 404, for the job and all that hangs on it. What one sees but may not
do is 403. Without the right to its command, environment names and paths, a job shows `***` for its command, no
environment and no paths, and why it could not be started only by its code. Without the right to its environment values,
each is `***`. Whoever may not see whom it tells sees no `notify` entries, no notifications and no support cases.
Without the right to its metrics a job has no `usage`, in lists neither.

Reasons name jobs of one's own virtual cluster (VC) only; others are "a job of another VC" with its size. A right that
is taken away is gone within 5 s, and open streams of whoever lost it are cut. What an API token of the scope `read`
never gives: {withheld}.

A VC is open unless `jobyard vc set NAME --closed` has closed it. One submits in one's own name and to VCs that one
belongs to. Whoever leaves a VC keeps seeing the own jobs there and may kill them; their next runs get none of the VC's
secrets. Users, VCs and the audit are for platform administrators, and so is giving up the run of a job whose node
does not come back.

Who counts no job but the own ones in the usage of a VC sees there what the own jobs have used, and asks in vain for
anybody else's: 403.

In the picture of the whole yard (`GET /api/v1/cluster`) a job that one may not see holds its devices without a name,
and waits without its VC; how much is held and how many wait is told to everybody who is signed in.

| action | while the job is |
|---|---|
"""


def document() -> str:
    """The page, in Markdown."""
    lines = [INTRODUCTION, "| | " + " | ".join(Right) + " |", "|---|" + "---|" * len(Right)]
    for who in Relation:
        cells = ["yes" if right in RIGHTS[who] else "" for right in Right]
        lines.append(f"| {who} | " + " | ".join(cells) + " |")
    withheld = ", ".join(right.value for right in Right if right in CHANGING)
    actions = [f"| {action} | {_statuses(WHEN[action])} |" for action in WHEN]
    return "\n".join(lines) + "\n" + NOTES.format(withheld=withheld) + "\n".join(actions) + "\n"


def _statuses(when: frozenset[JobStatus]) -> str:
    return "anything" if len(when) == len(JobStatus) else ", ".join(status for status in JobStatus if status in when)
