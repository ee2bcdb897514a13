"""`jobyard usage`: device-hours that were used, idle, or lost, by user, virtual cluster or day."""

import calendar
import re
from datetime import UTC, date
from enum import StrEnum
from typing import Annotated, Any

import typer

from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import notes, output, print_json
from jobyard.cli.times import moment_of
from jobyard.client import Client
from jobyard.models import UsageGroup, UsageLine

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
CPU = "cpu"


class By(StrEnum):
    """What lines are told apart by."""

    USER = "user"
    VC = "vc"
    DAY = "day"


GROUPS = {By.USER: UsageGroup.OWNER, By.VC: UsageGroup.VC, By.DAY: UsageGroup.DAY}
NAMES = {UsageGroup.DAY: Column("Day"), UsageGroup.VC: Column("VC"), UsageGroup.OWNER: Column("User")}
COLUMNS = (
    Column("Device"),
    Column("Runs", right=True),
    Column("Hours", right=True),
    Column("Idle", right=True),
    Column("Unknown", right=True),
    Column("Lost to\npreemption", right=True),
    Column("Lost to\nfailure", right=True),
    Column("CPU hours", right=True),
)


def _month(text: str) -> tuple[date, date]:
    found = _MONTH.fullmatch(text.strip())
    if found is None or found[1] == "0000":
        raise typer.BadParameter(f"'{text}' is no month; write it like 2026-11.")
    year, month = int(found[1]), int(found[2])
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"[0-9-]+", text) else moment_of(text).astimezone(UTC).date()
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no day; write it like 2026-11-23, or 7d for so long ago.") from None


MonthOption = typer.Option(parser=_month, metavar="MONTH", help="All of it, as 2026-11. Default: this month so far.")
SinceOption = typer.Option(parser=_day, metavar="DAY", help="From this day (UTC) to today: 2026-11-23, or 7d.")


def usage(
    context: typer.Context,
    month: Annotated[Any, MonthOption] = None,
    since: Annotated[date | None, SinceOption] = None,
    vc: Annotated[str | None, typer.Option(help="Only of this virtual cluster.")] = None,
    user: Annotated[str | None, typer.Option(help="Only of this user.")] = None,
    by: Annotated[
        list[By] | None, typer.Option(help="What lines are told apart by; may be repeated. Default: user and vc.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table for a spreadsheet instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show who has used what: hours of devices (of `cpu`, cores) that were held, idle (a use under 5 %), unknown (not
    measured), or lost to preemptions and failures. Runs count once they are over.

    Mine; all of a virtual cluster for its administrators; everything for platform administrators.
    """
    if month is not None and since is not None:
        raise typer.BadParameter("--month and --since exclude each other; give one of them.")
    if as_csv and as_json:
        raise typer.BadParameter("--csv and --json exclude each other; give one of them.")
    first, last = month if month is not None else (since, None)
    groups = tuple(group for group in UsageGroup if group in {GROUPS[name] for name in by or (By.USER, By.VC)})
    ask: dict[str, Any] = {"first": first, "last": last, "vc": vc, "owner": user, "group": groups}
    client = session(context).client
    if as_csv:
        output().file.write(client.usage.csv(**ask).replace("\r\n", "\n"))
        return
    found = client.usage.summary(**ask)
    if as_json:
        print_json(found)
        return
    if found.items:
        columns = (*(NAMES[group] for group in groups), *COLUMNS)
        print_table(output(), columns, [_row(line, groups) for line in found.items])
    else:
        notes().print(_nothing(client, vc, user))
    notes().print(f"From {found.first} to {found.last} (UTC); runs count once they are over.")


def _nothing(client: Client, vc: str | None, user: str | None) -> str:
    """What of, and whether the names are any, as far as the caller may know that."""
    where = f" in virtual cluster '{vc}'" if vc is not None else ""
    whose = f" by user '{user}'" if user is not None else ""
    said = [f"Nothing was used{where}{whose}."]
    if vc is None and user is None:
        return said[0]
    admin = client.me().admin
    if vc is not None and all(known.name != vc for known in client.people.vcs()):
        said.append(f"There is no virtual cluster '{vc}'." if admin else f"You belong to no virtual cluster '{vc}'.")
    if user is not None and admin and all(known.name != user for known in client.people.users()):
        said.append(f"There is no user '{user}'.")
    return " ".join(said)


def _row(line: UsageLine, groups: tuple[UsageGroup, ...]) -> list[str]:
    names = [str(getattr(line, group)) for group in groups]
    idle = "" if line.device_type == CPU else hours(line.idle_hours)
    lost = [hours(line.lost_to_preemption_hours), hours(line.lost_to_failure_hours)]
    held = [str(line.runs), hours(line.device_hours), idle, hours(line.unknown_hours)]
    return [*names, line.device_type, *held, *lost, hours(line.cpu_hours)]


def hours(value: float) -> str:
    """`1,234.50`; what is less than a hundredth is not nothing."""
    return "0" if value == 0 else "<0.01" if value < 0.01 else f"{value:,.2f}"
