"""Mails: from a letter to the bytes that mail servers take, and the two ways that they leave, by SMTP or as files."""

import asyncio
import os
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

import aiosmtplib

from services.notify.domain.letter import Letter
from services.notify.domain.sending import Arrival
from services.notify.failures import Missed
from services.notify.settings import NotifySettings


class Mailer(Protocol):
    """Sends letters."""

    async def send(self, letter: Letter) -> Arrival:
        """Return when it left. Raises Missed."""


def composed(letter: Letter, sender: str) -> EmailMessage:
    """The mail; the same letter has the same Message-ID and Date whenever it is composed."""
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    message["Date"] = format_datetime(letter.date)
    message["From"] = f"Jobyard <{sender}>"
    message["To"] = ", ".join(letter.to)
    if letter.reply_to is not None:
        message["Reply-To"] = letter.reply_to
    message["Subject"] = _undecoded(letter.subject)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    for file in letter.attachments:
        message.add_attachment(file.text, subtype=file.subtype, filename=file.name)
    return message


def _undecoded(text: str) -> str:
    """The text without beginnings of encoded words: Python's mails decode those, line ends in them included."""
    return text.replace("=?", "= ?")


class SmtpMailer:
    """One connection per mail: they are rare, and nothing of the one before can spoil the next."""

    def __init__(self, settings: NotifySettings, host: str) -> None:
        self._settings = settings
        self._host = host
        self._context = ssl.create_default_context() if settings.smtp_tls != "none" else None

    async def send(self, letter: Letter) -> Arrival:
        """Every failure is worth another try, a final answer (5xx) too: it is most often a setting that is mended."""
        settings = self._settings
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        try:
            async with asyncio.timeout(settings.smtp_timeout_s):
                refused, _ = await aiosmtplib.send(
                    composed(letter, settings.sender),
                    sender=settings.sender,
                    recipients=list(letter.to),
                    hostname=self._host,
                    port=settings.port,
                    username=settings.smtp_user,
                    password=password,
                    use_tls=settings.smtp_tls == "tls",
                    start_tls=settings.smtp_tls == "starttls",
                    tls_context=self._context,
                    local_hostname="jobyard",
                    timeout=settings.smtp_timeout_s,
                )
        except TimeoutError:
            raise Missed(f"The mail server did not take the mail within {settings.smtp_timeout_s:g} s.") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise Missed(f"The mail server did not take the mail: {error or type(error).__name__}") from error
        if refused:
            answers = "; ".join(f"{address}: {answer.code} {answer.message}" for address, answer in refused.items())
            return Arrival(note=f"Sent, but not to everybody: {answers}")
        return Arrival()


class FolderMailer:
    """Writes each mail to a file of its own, which is there whole or not at all."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, letter: Letter) -> Arrival:
        target = self._folder / f"{letter.id}.eml"
        try:
            await asyncio.to_thread(self._write, letter, target)
        except OSError as error:
            raise Missed(f"The mail could not be written: {error.strerror}.") from error
        return Arrival(file=f"{self._folder.name}/{target.name}")

    def _write(self, letter: Letter, target: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{letter.id}.{os.getpid()}.new"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(composed(letter, self._sender).as_bytes())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
