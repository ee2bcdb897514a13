"""`jobyard secret`: values that jobs get in their environment, and that nobody is shown again."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.times import local
from jobyard.errors import Invalid

app = typer.Typer(help="Keep secrets for jobs: tokens, passwords, keys.", no_args_is_help=True)

COLUMNS = (Column("Name"), Column("Set"), Column("By"))
MOST_BYTES = 65_536

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What jobs call it.")]
VcOption = Annotated[str | None, typer.Option("--vc", metavar="VC", help="Of this virtual cluster, not mine.")]


@app.command("set")
def set_secret(context: typer.Context, name: NameArgument, vc: VcOption = None, as_json: JsonOption = False) -> None:
    """Keep a secret, read from standard input: `jobyard secret set HF_TOKEN < token`. Replaces the one before.

    The line end after a value of one line is no part of it.
    """
    secret = session(context).client.set_secret(name, _value(), vc)
    if as_json:
        print_json(secret)
        return
    notes().print(Text(f"The secret {inert(secret.name)} is set; a job gets it with --secret {inert(secret.name)}."))


@app.command("list")
def list_secrets(context: typer.Context, vc: VcOption = None, as_json: JsonOption = False) -> None:
    """List secrets by name. Their values are never shown."""
    found = session(context).client.secrets(vc)
    if as_json:
        print_json(found)
    elif found:
        print_table(output(), COLUMNS, [[secret.name, local(secret.updated_at), secret.updated_by] for secret in found])
    else:
        notes().print("No secrets.")


@app.command("remove")
def remove_secret(context: typer.Context, name: NameArgument, vc: VcOption = None) -> None:
    """Remove a secret. Jobs that name it and have not started will not start."""
    session(context).client.remove_secret(name, vc)
    notes().print(Text(f"Removed the secret {inert(name)}."))


def _value() -> str:
    """From a prompt on a terminal, else all of standard input. Raises Invalid."""
    if sys.stdin.isatty():
        value: str = typer.prompt("Value", hide_input=True, err=True)
        return value
    data = sys.stdin.buffer.read(MOST_BYTES + 3)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid("The value is no text in UTF-8; encode it, for example with `base64`.") from error
    value = text.removesuffix("\n").removesuffix("\r")
    if "\n" in value:
        value = text
    if not value:
        raise Invalid("There is no value: nothing came from standard input.")
    return value
