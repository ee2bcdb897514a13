"""The jobs service's commands as the gateway asks them: a job in an answer is read as the API's own at once.

The same JSON, one class further: copying every job of a page from one class to the other would take longer than
reading the page.
"""

from typing import Any

from services.gateway.readiness import NEEDED
from services.gateway.resources.jobs import Job
from shared.contracts.commands import changes, jobs, lists, submission
from shared.contracts.commands.changes import CHANGE, OWNERS, ChangeJob, SetPriority
from shared.contracts.commands.checkpoints import CHECKPOINTS
from shared.contracts.commands.cluster import CLUSTER, HISTORY, OFFER
from shared.contracts.commands.command import Command
from shared.contracts.commands.endpoints import ADD_ENDPOINT, ISSUE_TICKET, LIST_ENDPOINTS, REMOVE_ENDPOINT
from shared.contracts.commands.forcing import FORCE
from shared.contracts.commands.health import health_of
from shared.contracts.commands.jobs import EVENTS, VIEWS, GetJob
from shared.contracts.commands.lists import COUNT, JobPage, ListJobs
from shared.contracts.commands.logs import READ_LOG, TAIL_LOG
from shared.contracts.commands.metrics import QUERY_METRICS, SUMMARIES, USAGE
from shared.contracts.commands.pulls import PULLS
from shared.contracts.commands.scheduling import EXPLAIN, FORESEE
from shared.contracts.commands.submission import NewJob, SubmitJobs, SubmitOutcomes, Submitted
from shared.contracts.commands.support import (
    ALL_CASES,
    CHECK_NOTIFY,
    NOTIFICATIONS,
    NOTIFICATIONS_OF,
    NOTIFY_KINDS,
    REQUEST_SUPPORT,
    SUPPORT_CASES,
    WEBHOOK_SECRET,
)


class StoredPage(JobPage):
    """A page of a list of jobs."""

    items: tuple[Job, ...]


class Stored(Submitted):
    """What became of one submission."""

    job: Job | None = None


class StoredAll(SubmitOutcomes):
    """In the order of the submissions."""

    outcomes: tuple[Stored, ...]


SUBMIT = Command(submission.SUBMIT.subject, SubmitJobs, StoredAll, submission.SUBMIT.says)
VALIDATE = Command(jobs.VALIDATE.subject, NewJob, Stored, jobs.VALIDATE.says)
GET = Command(jobs.GET.subject, GetJob, Job, jobs.GET.says)
LIST = Command(lists.LIST.subject, ListJobs, StoredPage, lists.LIST.says)
PAUSE = Command(changes.PAUSE.subject, ChangeJob, Job, changes.PAUSE.says)
RESUME = Command(changes.RESUME.subject, ChangeJob, Job, changes.RESUME.says)
KILL = Command(changes.KILL.subject, ChangeJob, Job, changes.KILL.says)
SET_PRIORITY = Command(changes.SET_PRIORITY.subject, SetPriority, Job, changes.SET_PRIORITY.says)

ASKS: tuple[Command[Any, Any], ...] = (
    SUBMIT,
    VALIDATE,
    GET,
    LIST,
    COUNT,
    EVENTS,
    PAUSE,
    RESUME,
    KILL,
    SET_PRIORITY,
    CHANGE,
    OWNERS,
    VIEWS,
    EXPLAIN,
    FORESEE,
    TAIL_LOG,
    READ_LOG,
    CHECKPOINTS,
    PULLS,
    FORCE,
    QUERY_METRICS,
    SUMMARIES,
    USAGE,
    CLUSTER,
    OFFER,
    HISTORY,
    REQUEST_SUPPORT,
    ALL_CASES,
    NOTIFICATIONS_OF,
    SUPPORT_CASES,
    CHECK_NOTIFY,
    NOTIFY_KINDS,
    NOTIFICATIONS,
    WEBHOOK_SECRET,
    LIST_ENDPOINTS,
    ADD_ENDPOINT,
    REMOVE_ENDPOINT,
    ISSUE_TICKET,
    *(health_of(service) for service in NEEDED),
)
"""Everything that the gateway asks of others."""
