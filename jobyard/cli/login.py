"""`jobyard login`: a token for a platform, kept for the next commands."""

from typing import Annotated

import typer

from jobyard.cli.passwords import present
from jobyard.cli.session import JsonOption, session
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.credentials import ADMIN, Login, LoginFile, resolve_url
from jobyard.device import sign_in_with_device
from jobyard.errors import Invalid
from jobyard.models import DeviceStart
from jobyard.signin import sign_in


def login(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(metavar="[URL]", help="The platform's address.")] = None,
    username: Annotated[str | None, typer.Option("--username", "-u", help="Asked for if it is missing.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from stdin, for scripts.")
    ] = False,
    oidc: Annotated[
        bool, typer.Option("--oidc", help="Sign in at the platform's OIDC issuer, with any browser.")
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
    saved = sign_in_with_device(url, _show) if oidc else _with_password(url, username, password_stdin)
    try:
        logins.put(url, saved)
    except OSError as error:
        raise Invalid(f"The login can't be kept in {logins.path}: {error.strerror}.") from error
    if as_json:
        print_json({"url": url, "username": saved.username, "expires_at": saved.expires_at})
    else:
        output().print(f"Signed in at {url} as {inert(saved.username)}.")


def _with_password(url: str, username: str | None, password_stdin: bool) -> Login:
    name = username or (ADMIN if password_stdin else typer.prompt("Username", default=ADMIN, err=True))
    return sign_in(url, name, present(password_stdin))


def _show(start: DeviceStart) -> None:
    """Where to confirm the sign-in, and with which code."""
    where = start.verification_uri_complete or start.verification_uri
    notes().print(f"Open {inert(where)} in a browser, and confirm the code {inert(start.user_code)}.")
    notes().print("Waiting ...")
