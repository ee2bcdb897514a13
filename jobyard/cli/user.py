"""`jobyard user`: who there is, for administrators; and one's own password."""

from typing import Annotated

import typer

from jobyard.cli.confirm import YesOption, confirm
from jobyard.cli.passwords import StdinOption, fresh, present
from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.times import local
from jobyard.errors import Invalid
from jobyard.models import Me, Role, User

COLUMNS = (
    Column("Name"),
    Column("Email", fold=True),
    Column("Administrator"),
    Column("Virtual clusters", fold=True),
    Column("State"),
    Column("Signs in"),
    Column("Created"),
)

app = typer.Typer(no_args_is_help=True, help="Users, for administrators; and your own password.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


@app.command("add")
def add(
    context: typer.Context,
    name: NameArgument,
    email: Annotated[str | None, typer.Option(help="Where mails for this user go.")] = None,
    vc: Annotated[
        list[str] | None, typer.Option("--vc", help="`NAME` or `NAME:admin`; may be repeated. Default: default.")
    ] = None,
    admin: Annotated[bool, typer.Option("--admin", help="A platform administrator.")] = False,
    password_stdin: StdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a user. The password is asked for, or read from standard input."""
    vcs = dict(role_of(text) for text in vc or ["default"])
    fields = {"vcs": vcs, "admin": admin, **({"email": email} if email is not None else {})}
    password = fresh(password_stdin, f"Password for {inert(name)}")
    user = session(context).client.people.add_user(name, password, **fields)
    _say(user, f"Made the user {inert(user.name)}.", as_json)


@app.command("list")
def list_users(context: typer.Context, as_json: JsonOption = False) -> None:
    """List every user."""
    users = list(session(context).client.people.users())
    if as_json:
        print_json(users)
    else:
        print_table(output(), COLUMNS, [_row(user) for user in users])


@app.command("disable")
def disable(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """End everything that a user is signed in with, and let nobody sign in as this user."""
    user = session(context).client.people.change_user(name, disabled=True)
    _say(user, f"{inert(user.name)} is disabled; what was signed in ends within 5 s.", as_json)


@app.command("enable")
def enable(context: typer.Context, name: NameArgument, as_json: JsonOption = False) -> None:
    """Let a user sign in again."""
    user = session(context).client.people.change_user(name, disabled=False)
    _say(user, f"{inert(user.name)} may sign in again.", as_json)


@app.command("remove")
def remove(context: typer.Context, name: NameArgument, yes: YesOption = False) -> None:
    """Remove a user for good, with secrets and tokens. The jobs stay, and nobody else can have the name."""
    confirm(f"Remove the user {name} for good?", f"remove the user {name} for good", yes)
    session(context).client.people.remove_user(name)
    output().print(f"Removed the user {inert(name)}; the name stays taken.")


@app.command("passwd")
def passwd(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Else your own.")] = None,
    password_stdin: StdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change a password. Your own: the present one is asked for first. It ends what was signed in with the old one."""
    client = session(context).client
    if name is None:
        current = present(password_stdin, "Present password")
        new, me = fresh(password_stdin), client.me()
        client.people.change_password(current, new)
        changed: User | Me = me
        said = "Your password is changed. Sign in again with `jobyard login`."
    else:
        changed = client.people.change_user(name, password=fresh(password_stdin, f"New password for {inert(name)}"))
        said = f"The password of {inert(name)} is changed."
    if as_json:
        print_json(changed)
    else:
        notes().print(said)


def role_of(text: str) -> tuple[str, str]:
    """`lab` or `lab:admin` as a VC and a role. Raises Invalid."""
    name, _, role = text.partition(":")
    if (role or Role.MEMBER) not in tuple(Role):
        raise Invalid(f"'{text}' is no role in a virtual cluster; write NAME, NAME:member or NAME:admin.")
    return name, role or str(Role.MEMBER)


def _say(user: User, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(user)
    else:
        output().print(sentence)


def _row(user: User) -> list[str]:
    return [
        user.name,
        user.email or "",
        "yes" if user.admin else "no",
        ", ".join(name if role is Role.MEMBER else f"{name}:{role}" for name, role in user.vcs.items()),
        "disabled" if user.disabled else "enabled",
        "at the issuer" if user.issuer else "with a password",
        local(user.created_at),
    ]
