"""`jobyard support` asks the operators for help with a job, or lists what was asked; `jobyard notifications`."""

from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.session import JobArgument, JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, output, print_json
from jobyard.cli.times import brief
from jobyard.models import Notification, SupportCase

_CASES = (
    Column("Case"),
    Column("User"),
    Column("Asked"),
    Column("Status", status=True),
    Column("Tries", right=True),
    Column("Next try"),
    Column("Subject", fold=True),
    Column("Detail", fold=True),
)
_NOTIFICATIONS = (
    Column("When"),
    Column("Event"),
    Column("To", fold=True),
    Column("Status", status=True),
    Column("Tries", right=True),
    Column("Next try"),
    Column("Detail", fold=True),
)


def support(
    context: typer.Context,
    job: JobArgument,
    subject: Annotated[str | None, typer.Option("--subject", "-s", help="What it is about, in one line.")] = None,
    message: Annotated[str | None, typer.Option("--message", "-m", help="What is wrong.")] = None,
    logs: Annotated[bool, typer.Option("--logs/--no-logs", help="Send the console's last lines with it.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Ask the operators for help with a job; without a subject, show what was asked."""
    current = session(context)
    job_id = current.job_id(job)
    if subject is None and message is None:
        cases = current.client.support_cases(job_id)
        if as_json:
            for case in cases:
                print_json(case)
        elif cases:
            print_table(output(), _CASES, [_case(case) for case in cases])
        else:
            output().print(Text("Nobody has asked about this job."))
        return
    if subject is None or message is None:
        raise typer.BadParameter("a question needs both --subject and --message")
    case = current.client.request_support(job_id, subject, message, include_logs=logs)
    if as_json:
        print_json(case)
    else:
        output().print(Text(f"{case.id}  {inert(case.note)}"))


def notifications(context: typer.Context, job: JobArgument, as_json: JsonOption = False) -> None:
    """Show who was told what about a job, and whether it arrived."""
    current = session(context)
    found = current.client.notifications(current.job_id(job))
    if as_json:
        for one in found:
            print_json(one)
    elif found:
        print_table(output(), _NOTIFICATIONS, [_notification(one) for one in found])
    else:
        output().print(Text("Nobody was told anything about this job."))


def _case(case: SupportCase) -> list[str]:
    return [
        case.id,
        case.requester,
        brief(case.requested_at),
        _status(case),
        str(case.tries),
        brief(case.next_try),
        case.subject,
        _detail(case),
    ]


def _notification(one: Notification) -> list[str]:
    return [
        brief(one.created_at),
        one.event,
        one.to,
        _status(one),
        str(one.tries),
        brief(one.next_try),
        _detail(one),
    ]


def _status(message: SupportCase | Notification) -> str:
    """Its status; a mail that became a file has reached nobody, so it is not called sent."""
    return "written to file" if message.file else str(message.status)


def _detail(message: SupportCase | Notification) -> str:
    """Why the last try failed, or which file below the platform's data folder the mail is."""
    return message.last_error or message.file or ""
