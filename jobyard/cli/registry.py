"""`jobyard vc registry`: what a virtual cluster's images are pulled with; nobody is shown it again."""

from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli import passwords
from jobyard.cli.passwords import StdinOption
from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.times import local

app = typer.Typer(help="Credentials for registries of images.", no_args_is_help=True)

COLUMNS = (Column("Registry"), Column("Set"), Column("By"))

VcArgument = Annotated[str, typer.Argument(metavar="VC")]
RegistryArgument = Annotated[str, typer.Argument(metavar="REGISTRY", help="docker.io, registry.lab:5000, ...")]
UserOption = Annotated[str, typer.Option("--user", metavar="USER", help="Who pulls, as the registry knows them.")]


@app.command("set")
def set_registry(
    context: typer.Context,
    vc: VcArgument,
    registry: RegistryArgument,
    user: UserOption,
    password_stdin: StdinOption = False,
    as_json: JsonOption = False,
) -> None:
    """Keep credentials for a registry, in place of those before. The password may be a token."""
    password = passwords.present(password_stdin, "Password or token")
    kept = session(context).client.people.set_registry(vc, registry, user, password)
    if as_json:
        print_json(kept)
        return
    notes().print(Text(f"Images of {inert(vc)} are pulled from {inert(kept.registry)} as {inert(user)} from now on."))


@app.command("list")
def list_registries(context: typer.Context, vc: VcArgument, as_json: JsonOption = False) -> None:
    """List the registries that there are credentials for. These are never shown."""
    found = session(context).client.people.registries(vc)
    if as_json:
        print_json(found)
    elif found:
        print_table(output(), COLUMNS, [[one.registry, local(one.updated_at), one.updated_by] for one in found])
    else:
        notes().print("No registries.")


@app.command("remove")
def remove_registry(context: typer.Context, vc: VcArgument, registry: RegistryArgument) -> None:
    """Remove the credentials for a registry. Jobs that wait and need them will not start."""
    session(context).client.people.remove_registry(vc, registry)
    notes().print(Text(f"Removed the credentials of {inert(vc)} for {inert(registry)}."))
