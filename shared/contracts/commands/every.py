"""The whole list of commands."""

from shared.contracts.base import Contract
from shared.contracts.commands.changes import CHANGE, KILL, OWNERS, PAUSE, RESUME, SET_PRIORITY
from shared.contracts.commands.checkpoints import CHECKPOINTS
from shared.contracts.commands.cluster import CLUSTER, HISTORY, OFFER
from shared.contracts.commands.command import Command
from shared.contracts.commands.endpoints import (
    ADD_ENDPOINT,
    ADMIT,
    IDLE_LIMITS,
    ISSUE_TICKET,
    LIST_ENDPOINTS,
    REMOVE_ENDPOINT,
)
from shared.contracts.commands.forcing import FORCE
from shared.contracts.commands.jobs import ACTIVE, EVENTS, GET, VALIDATE, VIEWS
from shared.contracts.commands.lists import COUNT, LIST
from shared.contracts.commands.logs import READ_LOG, TAIL_LOG, TAIL_PARTITION
from shared.contracts.commands.metrics import QUERY_METRICS, SUMMARIES, USAGE
from shared.contracts.commands.pulls import PULLS
from shared.contracts.commands.scheduling import EXPLAIN, FORESEE, LEAD, PLACE
from shared.contracts.commands.secrets import FIND_SECRETS, REVEAL, REVEAL_LOGIN
from shared.contracts.commands.streams import OPEN_STREAM
from shared.contracts.commands.submission import SUBMIT
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

COMMANDS: tuple[Command[Contract, Contract], ...] = (
    SUBMIT,
    VALIDATE,
    GET,
    LIST,
    COUNT,
    EVENTS,
    ACTIVE,
    VIEWS,
    PAUSE,
    RESUME,
    KILL,
    SET_PRIORITY,
    OWNERS,
    CHANGE,
    LEAD,
    PLACE,
    EXPLAIN,
    FORESEE,
    CLUSTER,
    OFFER,
    TAIL_LOG,
    TAIL_PARTITION,
    READ_LOG,
    CHECKPOINTS,
    PULLS,
    FORCE,
    REVEAL,
    REVEAL_LOGIN,
    FIND_SECRETS,
    REQUEST_SUPPORT,
    ALL_CASES,
    SUPPORT_CASES,
    CHECK_NOTIFY,
    NOTIFY_KINDS,
    NOTIFICATIONS,
    NOTIFICATIONS_OF,
    WEBHOOK_SECRET,
    OPEN_STREAM,
    LIST_ENDPOINTS,
    ADD_ENDPOINT,
    REMOVE_ENDPOINT,
    ISSUE_TICKET,
    IDLE_LIMITS,
    ADMIT,
    QUERY_METRICS,
    SUMMARIES,
    USAGE,
    HISTORY,
)  # type: ignore[assignment]
