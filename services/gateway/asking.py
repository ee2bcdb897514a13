"""The jobs service's commands as the gateway asks them: a job in an answer is read as the API's own at once.

The same JSON, one class further: copying every job of a page from one class to the other would take longer than
reading the page.
"""

from typing import Any

from services.gateway.readiness import NEEDED
from services.gateway.resources import Job
from shared.contracts import commands
from shared.contracts.commands import ChangeJob, Command, GetJob, ListJobs, NewJob, SetPriority, SubmitJobs


class StoredPage(commands.JobPage):
    """A page of a list of jobs."""

    items: tuple[Job, ...]


class Stored(commands.Submitted):
    """What became of one submission."""

    job: Job | None = None


class StoredAll(commands.SubmitOutcomes):
    """In the order of the submissions."""

    outcomes: tuple[Stored, ...]


SUBMIT = Command(commands.SUBMIT.subject, SubmitJobs, StoredAll, commands.SUBMIT.says)
VALIDATE = Command(commands.VALIDATE.subject, NewJob, Stored, commands.VALIDATE.says)
GET = Command(commands.GET.subject, GetJob, Job, commands.GET.says)
LIST = Command(commands.LIST.subject, ListJobs, StoredPage, commands.LIST.says)
PAUSE = Command(commands.PAUSE.subject, ChangeJob, Job, commands.PAUSE.says)
RESUME = Command(commands.RESUME.subject, ChangeJob, Job, commands.RESUME.says)
KILL = Command(commands.KILL.subject, ChangeJob, Job, commands.KILL.says)
SET_PRIORITY = Command(commands.SET_PRIORITY.subject, SetPriority, Job, commands.SET_PRIORITY.says)

ASKS: tuple[Command[Any, Any], ...] = (
    SUBMIT,
    VALIDATE,
    GET,
    LIST,
    commands.EVENTS,
    PAUSE,
    RESUME,
    KILL,
    SET_PRIORITY,
    commands.CHANGE,
    commands.OWNERS,
    commands.VIEWS,
    commands.EXPLAIN,
    commands.FORESEE,
    commands.TAIL_LOG,
    commands.READ_LOG,
    commands.REQUEST_SUPPORT,
    commands.SUPPORT_CASES,
    commands.CHECK_NOTIFY,
    commands.NOTIFICATIONS,
    commands.WEBHOOK_SECRET,
    commands.LIST_ENDPOINTS,
    commands.ADD_ENDPOINT,
    commands.REMOVE_ENDPOINT,
    commands.ISSUE_TICKET,
    *(commands.health_of(service) for service in NEEDED),
)
"""Everything that the gateway asks of others."""
