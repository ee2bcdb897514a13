"""What a support mail is made of when its job has secrets: the gateway's word on them is needed, or all is left out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.notify.domain.case import opened
from services.notify.domain.letter import support_letter
from services.notify.material import PATIENT_TRIES, gathered
from services.notify.withheld import ASK_BYTES, secrets_in
from shared.bus.bus import Bus
from shared.contracts.commands.command import Command
from shared.contracts.commands.jobs import EVENTS, GET, JobEventPage
from shared.contracts.commands.logs import TAIL_LOG, LogPage, TailLog
from shared.contracts.commands.secrets import FIND_SECRETS, FindSecrets, FoundSecrets
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import Unavailable
from shared.contracts.job import JobRequest, JobStatus, Reason
from shared.contracts.notify import RequestSupport
from tests.support.documents import JOB_ID
from tests.support.gateway import stored_job
from tests.support.logs import chunk_of

CASE_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAX"
CANARY = "canary-value"


class Others(Bus):
    """The services that notify asks. `away`: the gateway does not answer."""

    def __init__(self, away: bool = False, secrets: dict[str, str] | None = None) -> None:
        self.away = away
        self.secrets = {"TOKEN": "token"} if secrets is None else secrets
        self.texts: list[tuple[str, ...]] = []

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        if command is GET:
            request = JobRequest(name="train", command=f"echo {CANARY}", env={"A": "plain-value"}, secrets=self.secrets)
            return stored_job(NewJob(id=JOB_ID, owner="ada", request=request))
        if command is EVENTS:
            return JobEventPage(items=())
        if command is TAIL_LOG:
            return self.page(ask)
        assert command is FIND_SECRETS and isinstance(ask, FindSecrets)
        if self.away:
            raise Unavailable("The gateway service does not answer. Try again in a moment.")
        self.texts.append(ask.texts)
        return FoundSecrets(found=(CANARY,) if any(CANARY in text for text in ask.texts) else ())

    def page(self, ask: TailLog) -> LogPage:
        return LogPage(chunks=())


class Gang(Others):
    """A job of two ranks, of which the second failed first: of the newest lines all are the first's."""

    async def ask(self, command: Command[Any, Any], ask: Any, timeout: float = 5.0) -> Any:
        found = await super().ask(command, ask, timeout)
        if command is not GET:
            return found
        reason = Reason(code="command_failed", message="Rank 1 failed.", details={"rank": 1})
        return found.model_copy(update={"nodes": 2, "status": JobStatus.FAILED, "reason": reason})

    def page(self, ask: TailLog) -> LogPage:
        chunk = chunk_of(1, 2, rank=1) if ask.rank == 1 else chunk_of(7, 1)
        return LogPage(chunks=(chunk.model_dump_json(),))


def case(tries: int = 1, **more: Any) -> Any:
    about = {"subject": f"about {CANARY}", "message": "plain-value?", "email": None, **more}
    ask = RequestSupport(case_id=CASE_ID, job_id=JOB_ID, vc="default", requester="ada", **about)
    made = opened(ask, "smtp", datetime(2026, 1, 1, tzinfo=UTC))
    return made.model_copy(update={"sending": made.sending.model_copy(update={"tries": tries})})


async def test_what_the_gateway_finds_is_hidden_in_subject_and_specification() -> None:
    mail = support_letter(case(), await gathered(Others(), case()), ("ops@example.org",))
    assert mail.subject == "[Jobyard] about ***"
    assert CANARY not in str(mail) and "echo ***" in mail.attachments[0].text


async def test_while_the_gateway_is_away_the_mail_waits_and_then_goes_without_the_job() -> None:
    with pytest.raises(Unavailable):
        await gathered(Others(away=True), case(PATIENT_TRIES))
    late = case(PATIENT_TRIES + 1)
    mail = support_letter(late, await gathered(Others(away=True), late), ("ops@example.org",))
    assert mail.attachments == ()
    assert "All about the job is left out" in mail.text and "plain-value" not in mail.text


async def test_a_job_without_secrets_asks_the_gateway_nothing() -> None:
    others = Others(away=True, secrets={})
    assert (await gathered(others, case())).specification is not None


async def test_long_texts_are_asked_about_in_several_commands() -> None:
    others, texts = Others(), ["x" * 90_000, "y", "z" * 300_000, CANARY, "x" * 90_000, "x" * 90_000, "x" * 90_000]
    assert await secrets_in(others, JOB_ID, texts, 5.0) == {CANARY}
    assert [text for piece in others.texts for text in piece] == texts
    assert all(len(piece) == 1 or sum(map(len, piece)) <= ASK_BYTES for piece in others.texts)
    assert len(others.texts) > 2


async def test_of_several_ranks_the_console_says_whose_each_line_is_and_first_what_the_failed_one_said_last() -> None:
    wanted = case(include_logs=True)
    mail = support_letter(wanted, await gathered(Gang(secrets={}), wanted), ("ops@example.org",))
    console = next(file.text for file in mail.attachments if file.name == "console.txt")
    first, last = console.split("All ranks:\n")
    assert first.startswith("Rank 1 said last:\n")
    assert first.count(" 1 [1] stdout | ") == 2
    assert last.count(" 1 [0] stdout | ") == 1
