"""`jobyard key`: the public SSH keys that let me into my jobs."""

import re
from pathlib import Path
from typing import Annotated

import typer

from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.times import local
from jobyard.errors import Conflict, Invalid, NotFound

COLUMNS = (Column("Id"), Column("Name", fold=True), Column("Kind"), Column("Fingerprint"), Column("Added"))
KEY_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
USUAL = ("id_ed25519.pub", "id_ed25519_sk.pub", "id_ecdsa.pub", "id_ecdsa_sk.pub", "id_rsa.pub")
"""In ~/.ssh, as `ssh` itself prefers them."""
LONGEST = 16_384

app = typer.Typer(no_args_is_help=True, help="The public SSH keys that let me into my jobs.")


@app.command("add")
def add(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A public key; else the one in ~/.ssh, id_*.pub.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What it is called; else as its file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a public key."""
    path = file or _usual()
    made = session(context).client.people.add_key(name or _name_of(path), _read(path))
    if as_json:
        print_json(made)
    else:
        notes().print(f"Added {inert(made.name)}, {made.fingerprint}.")


@app.command("list")
def list_keys(context: typer.Context, as_json: JsonOption = False) -> None:
    """List my keys."""
    keys = session(context).client.people.keys()
    if as_json:
        print_json(keys)
    else:
        rows = [
            [key.id, key.name, key.public_key.partition(" ")[0], key.fingerprint, local(key.created_at)] for key in keys
        ]
        print_table(output(), COLUMNS, rows)


@app.command("remove")
def remove(
    context: typer.Context, name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its id.")]
) -> None:
    """Remove a key: it stops counting within 5 s, and connections that it opened are cut."""
    people = session(context).client.people
    id = name
    if not KEY_ID.fullmatch(name):
        mine = people.keys()
        id = next((key.id for key in mine if key.name == name), "")
        if not id:
            raise NotFound(f"You have no SSH key '{name}'; `jobyard key list` shows them.")
    people.remove_key(id)
    notes().print(f"Removed {inert(name)}.")


def _usual() -> Path:
    """Raises NotFound without one, and Conflict for several: which one is for its owner to say."""
    folder = Path.home() / ".ssh"
    found = [folder / name for name in USUAL if (folder / name).is_file()]
    if not found:
        raise NotFound(f"There is no public key in {folder}. Make one with `ssh-keygen -t ed25519`, or name its file.")
    if len(found) > 1:
        raise Conflict(f"There are several public keys; name one: {', '.join(map(str, found))}.")
    return found[0]


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
    except OSError as error:
        raise Invalid(f"{path} can't be read: {error.strerror}.") from error
    if b"PRIVATE KEY" in content:
        raise Invalid(f"{path} is a private key. Keep it to yourself; the public one is in {path}.pub.")
    if len(content) > LONGEST:
        raise Invalid(f"{path} is no public key: it is too large.")
    return content.decode("utf-8", "replace")


def _name_of(path: Path) -> str:
    """The file's name as far as a key's name may have it."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64] or "key"
