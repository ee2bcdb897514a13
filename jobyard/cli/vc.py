"""`jobyard vc`: virtual clusters, what they allow, and who belongs to them."""

from typing import Annotated, Any

import typer

from jobyard.cli import registry
from jobyard.cli.confirm import YesOption, confirm
from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, output, print_json
from jobyard.errors import Invalid
from jobyard.models import Role, Vc

COLUMNS = (
    Column("Name"),
    Column("My role"),
    Column("Open"),
    Column("Max priority", right=True),
    Column("Max duration (s)", right=True),
    Column("Jobs per user", right=True),
    Column("Endpoints idle (s)", right=True),
    Column("Image"),
)
NONE = "none"
CHOICES = ("--open", "--closed", "--max-priority", "--max-duration", "--jobs-per-user", "--endpoint-idle", "--image")

app = typer.Typer(no_args_is_help=True, help="Virtual clusters: what they allow, and who belongs to them.")
app.add_typer(registry.app, name="registry")

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
OpenOption = Annotated[
    bool | None, typer.Option("--open/--closed", help="Whether members read one another's briefs and consoles.")
]
PriorityOption = Annotated[str | None, typer.Option(metavar="N|none", help="The highest that members may take.")]
DurationOption = Annotated[str | None, typer.Option(metavar="S|none", help="The longest that jobs may run.")]
JobsOption = Annotated[str | None, typer.Option(metavar="N|none", help="Jobs of a member that are not over.")]

IdleOption = Annotated[str | None, typer.Option(metavar="S|none", help="An endpoint closes after so long without use.")]

ImageOption = Annotated[str | None, typer.Option(metavar="IMAGE|none", help="What jobs start in that name none.")]


@app.command("add")
def add(
    context: typer.Context,
    name: NameArgument,
    open_: OpenOption = None,
    max_priority: PriorityOption = None,
    max_duration: DurationOption = None,
    jobs_per_user: JobsOption = None,
    endpoint_idle: IdleOption = None,
    image: ImageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a virtual cluster; it is open and without bounds unless you say otherwise."""
    fields = _fields(open_, max_priority, max_duration, jobs_per_user, endpoint_idle, image)
    vc = session(context).client.people.add_vc(name, **fields)
    _say(vc, f"Made the virtual cluster {inert(vc.name)}.", as_json)


@app.command("list")
def list_vcs(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the virtual clusters that I belong to; all of them for administrators."""
    vcs = session(context).client.people.vcs()
    if as_json:
        print_json(vcs)
    else:
        print_table(output(), COLUMNS, [_row(vc) for vc in vcs])


@app.command("set")
def set_vc(
    context: typer.Context,
    name: NameArgument,
    open_: OpenOption = None,
    max_priority: PriorityOption = None,
    max_duration: DurationOption = None,
    jobs_per_user: JobsOption = None,
    endpoint_idle: IdleOption = None,
    image: ImageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what a virtual cluster allows; `none` takes a bound away."""
    fields = _fields(open_, max_priority, max_duration, jobs_per_user, endpoint_idle, image)
    if not fields:
        raise Invalid(f"Say what to change: {', '.join(CHOICES[:-1])} or {CHOICES[-1]}.")
    vc = session(context).client.people.change_vc(name, **fields)
    _say(vc, f"Changed the virtual cluster {inert(vc.name)}.", as_json)


@app.command("remove")
def remove(context: typer.Context, name: NameArgument, yes: YesOption = False) -> None:
    """Remove a virtual cluster without members for good, with its secrets. Its jobs stay, and the name stays taken."""
    confirm(f"Remove the virtual cluster {name} for good?", f"remove the virtual cluster {name} for good", yes)
    session(context).client.people.remove_vc(name)
    output().print(f"Removed the virtual cluster {inert(name)}; the name stays taken.")


@app.command("member")
def member(
    context: typer.Context,
    name: NameArgument,
    user: Annotated[str, typer.Argument(metavar="USER")],
    role: Annotated[str, typer.Option(metavar="member|admin|none", help="`none`: not any more.")] = str(Role.MEMBER),
    as_json: JsonOption = False,
) -> None:
    """Make a user a member or an administrator of a virtual cluster, or neither."""
    if role not in (*Role, NONE):
        raise Invalid(f"'{role}' is no role; there are member, admin and none.")
    changed = session(context).client.people.set_role(name, user, None if role == NONE else role)
    if as_json:
        print_json(changed)
        return
    now = changed.vcs.get(name)
    what = f"{now} of" if now else "no member of"
    output().print(f"{inert(changed.name)} is {what} {inert(name)} now.")


def _fields(
    open_: bool | None,
    priority: str | None,
    duration: str | None,
    jobs: str | None,
    idle: str | None,
    image: str | None,
) -> dict[str, Any]:
    bounds = {"max_priority": priority, "max_duration_s": duration, "jobs_per_user": jobs, "endpoint_idle_s": idle}
    fields: dict[str, Any] = {field: _bound(text) for field, text in bounds.items() if text is not None}
    if image is not None:
        fields["image"] = None if image == NONE else image
    return fields if open_ is None else {"open": open_, **fields}


def _bound(text: str) -> int | None:
    if text == NONE:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Invalid(f"'{text}' is no bound; give a whole number, or none.")
    return int(text)


def _say(vc: Vc, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(vc)
    else:
        output().print(sentence)


def _row(vc: Vc) -> list[str]:
    bounds = [vc.max_priority, vc.max_duration_s, vc.jobs_per_user, vc.endpoint_idle_s]
    shown = ("" if n is None else str(n) for n in bounds)
    return [vc.name, vc.role or "", "yes" if vc.open else "no", *shown, vc.image or ""]
