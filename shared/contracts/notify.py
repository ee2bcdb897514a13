"""Whom the platform tells what: the `notify` list of a job, support cases, and the commands of the notify service.

What travels here may become a mail's header or a web address, so nothing in it holds a line end or a control
character.
"""

import unicodedata
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from shared.contracts.base import Contract, JobId, Timestamp, UserName, VcName

ENDS = ("finished", "failed", "error", "killed")
"""The events that a notification is about if it names none: the four ends of a job."""

NOTIFY_ENTRIES = 10
"""The most that one job may name."""

CASES_ON_A_PAGE = 20
"""The most on a page: a message may have 20,000 characters, and a page travels as one answer."""

T = TypeVar("T")
_LINE_ENDS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_IN_TEXT = frozenset("\n\r\t")


def _one_line(text: str) -> str:
    if any(unicodedata.category(character) in _LINE_ENDS for character in text):
        raise ValueError("must be one line, without line ends and control characters; remove them")
    if not text.strip():
        raise ValueError("must not be blank; say what it is about")
    return text


def _plain_text(text: str) -> str:
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in _IN_TEXT for one in text):
        raise ValueError("must not contain control characters other than line ends and tabs; remove them")
    if not text.strip():
        raise ValueError("must not be blank; say what is wrong")
    return text


def _distinct(items: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(items)) != len(items):
        raise ValueError("must not name the same thing twice; remove the repetition")
    return items


Subject = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
Message = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(_plain_text)]
Email = Annotated[
    str,
    Field(
        max_length=254,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$",
        description="One plain address, without a name around it.",
    ),
]


class Notify(Contract):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    to: Annotated[
        str,
        Field(
            max_length=2048,
            pattern=r"^[a-z][a-z0-9+.-]{0,31}:[\x21-\x7e]+$",
            description="`mailto:ada@example.org`, `https://...` (a webhook), or an Apprise URL.",
        ),
    ]
    on: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,63}$")], ...],
        Field(min_length=1, max_length=32, description="Events to tell of."),
        AfterValidator(_distinct),
    ] = ENDS


class Progress(StrEnum):
    """Where a message to somebody is: once `sent` or `failed`, that never changes."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class Outgoing(Contract):
    """How far a message got."""

    status: Progress
    tries: Annotated[int, Field(ge=0, description="Begun so far.")]
    last_error: Annotated[str | None, Field(description="Why the last try failed.")] = None
    next_try: Annotated[Timestamp | None, Field(description="While it waits: the next try, if this one fails.")] = None
    sent_at: Timestamp | None = None
    file: Annotated[
        str | None,
        Field(description="Without a mail server: the file that the mail was written to, below the data folder."),
    ] = None


# --- support


class RequestSupport(Contract):
    """A question to the operators about a job; the caller mints the case's id, so that a repetition makes no second."""

    case_id: JobId
    job_id: JobId
    vc: VcName
    requester: UserName
    email: Annotated[Email | None, Field(description="Where the operators' answer should go.")] = None
    subject: Subject
    message: Message
    include_logs: bool = True
    idempotency_key: Annotated[str | None, Field(min_length=1, max_length=255)] = None
    fingerprint: Annotated[str | None, Field(description="Hash of the body that came with the key.")] = None
    correlation_id: str | None = None


class SupportCase(Outgoing):
    """A question to the operators, and whether they have it."""

    id: JobId
    job_id: JobId
    requester: UserName
    subject: str
    message: str
    include_logs: bool
    requested_at: Timestamp
    delivery: Annotated[
        Literal["smtp", "file"], Field(description="`file`: no mail server is configured, so the mail is a file.")
    ]
    note: Annotated[str, Field(description="What happens to it, in a sentence.")]


class ListCases(Contract):
    job_id: JobId


class SupportCases(Contract):
    """Of one job, the newest first, at most 100."""

    items: tuple[SupportCase, ...]


class ListAllCases(Contract):
    """Everybody's, or one person's, the newest first."""

    requester: UserName | None = None
    limit: Annotated[int, Field(ge=1, le=CASES_ON_A_PAGE)] = 20
    before: Annotated[JobId | None, Field(description="Only cases older than this one.")] = None


class CasePage(Contract):
    """Cases, the newest first."""

    items: tuple[SupportCase, ...]
    next_cursor: Annotated[str | None, Field(description="`cursor` of the next page; null on the last one.")] = None


# --- notifications


class CheckNotify(Contract):
    """Whether these entries of a submission can be served. Refused with the entries' errors."""

    entries: Annotated[tuple[Notify, ...], Field(max_length=NOTIFY_ENTRIES)]


class NotifyChecked(Contract):
    """All of them can."""


class AskNotifyKinds(Contract):
    """What entries may begin with, and ask to be told of."""


class NotifyKinds(Contract):
    """What the operators allow at present."""

    kinds: Annotated[tuple[str, ...], Field(description="Schemes of recipients: `mailto`, `https`, ...")]
    mail_domains: Annotated[tuple[str, ...], Field(description="Mails go to these only; none named: to any.")] = ()
    events: Annotated[tuple[str, ...], Field(description="Names that `on` may have.")] = ()


class ListNotifications(Contract):
    job_id: JobId


class ListNotificationsOf(Contract):
    """About all jobs of a person."""

    owner: UserName


class Notification(Outgoing):
    """One event told to one recipient."""

    id: Annotated[str, Field(description="`<job_id>.<version>.<number of the entry>`; also `webhook-id`.")]
    job_id: JobId | None = None
    event: Annotated[str, Field(description="What happened, for instance `finished`.")]
    to: str
    created_at: Timestamp


class Notifications(Contract):
    """Of one job or one person, the newest first, at most 200."""

    items: tuple[Notification, ...]


class GetWebhookSecret(Contract):
    """The secret that a person's webhooks are signed with; made when it is first asked for."""

    owner: UserName
    renew: Annotated[bool, Field(description="Make a new one first; the former one signs as well for a day.")] = False
    renewal: Annotated[
        str | None, Field(max_length=64, description="Names the renewal: the last one is not made a second time.")
    ] = None


class WebhookSecret(Contract):
    secret: Annotated[str, Field(description="As Standard Webhooks write it: `whsec_` and base64.")]
    created_at: Timestamp
