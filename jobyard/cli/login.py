"""`jobyard login`: a token for a platform, kept for the next commands."""

import sys
from typing import Annotated

import typer

from jobyard.cli.session import JsonOption, session
from jobyard.cli.terminal import inert, output, print_json
from jobyard.credentials import ADMIN, LoginFile, resolve_url
from jobyard.errors import Invalid
from jobyard.signin import sign_in


def login(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(metavar="[URL]", help="The platform's address.")] = None,
    username: Annotated[str | None, typer.Option("--username", "-u", help="Asked for if it is missing.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin, for scripts.")
    ] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Sign out: forget the saved login.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Sign in, and make this platform the one that the next commands speak to."""
    logins = LoginFile()
    url = resolve_url(address or session(context).url, logins)
    if forget:
        logins.forget(url)
        output().print(f"Forgot the login at {url}.")
        return
    name = username or (ADMIN if password_stdin else typer.prompt("Username", default=ADMIN, err=True))
    password = (
        sys.stdin.readline().rstrip("\r\n") if password_stdin else typer.prompt("Password", hide_input=True, err=True)
    )
    saved = sign_in(url, name, password)
    try:
        logins.put(url, saved)
    except OSError as error:
        raise Invalid(f"The login can't be kept in {logins.path}: {error.strerror}.") from error
    if as_json:
        print_json({"url": url, "username": name, "expires_at": saved.expires_at})
    else:
        output().print(f"Signed in at {url} as {inert(name)}.")
