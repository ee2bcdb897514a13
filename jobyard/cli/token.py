"""`jobyard token`: API tokens for scripts, made, listed and revoked."""

import re
from typing import Annotated

import typer

from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, notes, output, print_json, print_line
from jobyard.cli.times import local
from jobyard.errors import NotFound
from jobyard.models import Scope

COLUMNS = (Column("Id"), Column("Name", fold=True), Column("Scope"), Column("Created"))
TOKEN_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")

app = typer.Typer(no_args_is_help=True, help="API tokens for your scripts.")


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    scope: Annotated[Scope, typer.Option(help="`read`: it changes nothing.")] = Scope.READ,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, this one time. Scripts use it as JOBYARD_TOKEN."""
    made = session(context).client.people.add_token(name, scope)
    if as_json:
        print_json(made)
        return
    print_line(made.token)
    notes().print(f"Keep it now: nobody can show it again. Revoke it with `jobyard token revoke {inert(made.name)}`.")


@app.command("list")
def list_tokens(context: typer.Context, as_json: JsonOption = False) -> None:
    """List my tokens; their secrets are not kept anywhere."""
    tokens = session(context).client.people.tokens()
    if as_json:
        print_json(tokens)
    else:
        rows = [[token.id, token.name, str(token.scope), local(token.created_at)] for token in tokens]
        print_table(output(), COLUMNS, rows)


@app.command("revoke")
def revoke(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its id.")]
) -> None:
    """End a token: it stops counting within 5 s."""
    people = session(context).client.people
    id = name
    if not TOKEN_ID.fullmatch(name):
        id = next((token.id for token in people.tokens() if token.name == name), "")
        if not id:
            raise NotFound(f"You have no API token '{name}'; `jobyard token list` shows them.")
    people.revoke_token(id)
    notes().print(f"Revoked {inert(name)}.")
