"""Mails to a real SMTP server: encrypted as the settings say, never in the open instead, and signed in."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from services.notify.domain.letter import Letter
from services.notify.domain.sending import Arrival
from services.notify.failures import Missed
from services.notify.mail import SmtpMailer
from services.notify.settings import NotifySettings
from tests.support.mailserver import MailServer

LETTER = Letter(
    id="case-1",
    to=("ops@example.org", "night@example.org"),
    subject="Help",
    text="Help me.\n",
    html="<p>Help me.</p>\n",
    date=datetime(2026, 1, 1, tzinfo=UTC),
)


def mailer(server: MailServer, **settings: Any) -> SmtpMailer:
    known: dict[str, Any] = {
        "smtp_host": "localhost",
        "smtp_port": server.port,
        "sender": "yard@example.org",
        "smtp_timeout_s": 10.0,
    }
    return SmtpMailer(NotifySettings(**(known | settings)), "localhost")


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate that this machine believes."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(trusted))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    return context


async def test_starttls_encrypts_before_anything_is_said(tls: ssl.SSLContext) -> None:
    with MailServer(tls_context=tls, require_starttls=True) as server:
        assert await mailer(server, smtp_tls="starttls").send(LETTER) == Arrival()
        assert [mail["Subject"] for mail in server.mails] == ["Help"]
        with pytest.raises(Missed):
            await mailer(server, smtp_tls="none").send(LETTER)


async def test_tls_encrypts_from_the_first_byte(tls: ssl.SSLContext) -> None:
    with MailServer(ssl_context=tls) as server:
        await mailer(server, smtp_tls="tls").send(LETTER)
        assert len(server.mails) == 1


async def test_a_server_that_cannot_encrypt_gets_no_mail_in_the_open() -> None:
    with MailServer() as server:
        with pytest.raises(Missed):
            await mailer(server, smtp_tls="starttls").send(LETTER)
        assert server.mails == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with MailServer(tls_context=tls) as server:
        with pytest.raises(Missed, match=r"(?i)certificate"):
            await mailer(server, smtp_tls="starttls").send(LETTER)
        assert server.mails == []


async def test_it_signs_in_and_a_wrong_password_is_no_secret_told(tls: ssl.SSLContext) -> None:
    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (b"yard", b"right"), handled=False)

    with MailServer(authenticator=check, auth_required=True, tls_context=tls) as server:
        await mailer(server, smtp_tls="starttls", smtp_user="yard", smtp_password="right").send(LETTER)
        assert len(server.mails) == 1
        with pytest.raises(Missed) as missed:
            await mailer(server, smtp_tls="starttls", smtp_user="yard", smtp_password="canary-wrong").send(LETTER)
        assert "canary" not in str(missed.value)


async def test_one_refused_recipient_is_noted_and_all_of_them_are_a_miss() -> None:
    class Picky(MailServer):
        refused: tuple[str, ...] = ("night@example.org",)

        async def handle_RCPT(  # noqa: N802
            self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
        ) -> str:
            if address in self.refused:
                return "550 Nobody here"
            envelope.rcpt_tos.append(address)
            return "250 OK"

    with Picky() as server:
        note = (await mailer(server, smtp_tls="none").send(LETTER)).note
        assert note is not None and "night@example.org: 550" in note
        assert server.recipients == [["ops@example.org"]]
        server.refused = LETTER.to
        with pytest.raises(Missed, match="550"):
            await mailer(server, smtp_tls="none").send(LETTER)


async def test_nobody_at_the_address_is_a_miss() -> None:
    with pytest.raises(Missed):
        await mailer(MailServer(), smtp_tls="none").send(LETTER)
