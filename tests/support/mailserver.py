"""A real SMTP server that does what a test tells it: takes mails, refuses them, stalls, or hangs up after the dot."""

import asyncio
import threading
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Literal, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import free_port

Behaviour = Literal["take", "stall", "take and stall", "hang up"] | str
"""A string such as `451 Later` is the answer after the final dot."""


class Mailbox:
    """What the server got; aiosmtpd calls `handle_DATA`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.tries = 0
        self.always: Behaviour = "take"
        self.next: deque[Behaviour] = deque()
        self.released = threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        behaviour = self.next.popleft() if self.next else self.always
        self.tries += 1
        if behaviour in ("take", "take and stall", "hang up"):
            self.recipients.append(list(envelope.rcpt_tos))
            assert isinstance(envelope.content, bytes)
            self.mails.append(read(envelope.content))
        if behaviour.endswith("stall"):
            await asyncio.to_thread(self.released.wait)
            behaviour = "hang up"
        if behaviour == "hang up":
            transport: Any = server.transport
            transport.abort()
            return "250 nobody hears this"
        return "250 Taken" if behaviour == "take" else behaviour

    def of(self, id: str) -> list[EmailMessage]:
        """The mails about a case, or of a notification: as many as came."""
        return [mail for mail in self.mails if mail["Message-ID"].startswith(f"<{id}@")]


def read(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """The body as text."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def files_of(mail: EmailMessage) -> dict[str, str]:
    """The attachments by name."""
    return {part.get_filename() or "": str(part.get_content()) for part in mail.iter_attachments()}


class MailServer(Mailbox):
    """The mailbox with its server, in a thread of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.port = free_port()
        self._options = options
        self._controller: Controller | None = None

    def settings(self, **more: str) -> dict[str, str]:
        """Environment of a notify service that sends here and does not wait long."""
        return {
            "JOBYARD_NOTIFY_SMTP_HOST": "127.0.0.1",
            "JOBYARD_NOTIFY_SMTP_PORT": str(self.port),
            "JOBYARD_NOTIFY_SMTP_TLS": "none",
            "JOBYARD_NOTIFY_OPERATORS": "ops@example.org, night@example.org",
            "JOBYARD_NOTIFY_SENDER": "yard@example.org",
            "JOBYARD_NOTIFY_SMTP_TIMEOUT_S": "5",
            "JOBYARD_NOTIFY_WEB_TIMEOUT_S": "5",
            "JOBYARD_NOTIFY_LEASE_S": "30",
            "JOBYARD_NOTIFY_FIRST_WAIT_S": "0.05",
            "JOBYARD_NOTIFY_GIVE_UP_S": "120",
        } | more

    def __enter__(self) -> Self:
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **self._options)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        assert self._controller is not None
        self._controller.stop()
