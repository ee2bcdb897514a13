"""The `jobyard` command itself: the list of its commands, and how every error ends it."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from jobyard.cli import (
    act,
    admin,
    audit,
    cluster,
    dev,
    endpoint,
    events,
    forward,
    key,
    lists,
    login,
    logs,
    metrics,
    secret,
    show,
    ssh,
    submit,
    support,
    token,
    up,
    usage,
    user,
    vc,
    wait,
)
from jobyard.cli.session import EXIT_CODES, INTERRUPTED, Session, exit_code_of
from jobyard.cli.terminal import inert, notes
from jobyard.errors import JobyardError


class Yard(TyperGroup):
    """The commands in the order in which one meets them; an error becomes a sentence and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except JobyardError as error:
            report(error)
            raise typer.Exit(exit_code_of(error)) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has seen enough. Python would complain once more when it flushes at the end.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None


def report(error: JobyardError) -> None:
    """The error's sentence on stderr, and below it the fields that it does not name itself."""
    console = notes()
    console.print(Text.assemble(("error: ", "bold red"), inert(error.message)))
    for problem in error.errors:
        if problem.message not in error.message:
            console.print(Text("  " + inert(str(problem))))


app = typer.Typer(
    cls=Yard,
    help="Run and manage AI training jobs.",
    epilog=EXIT_CODES.replace("\n", " "),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("jobyard"))
        except PackageNotFoundError:
            typer.echo("unknown (not installed as a package)")
        raise typer.Exit


@app.callback()
def jobyard(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="The platform's address; else JOBYARD_URL, the saved login, or of a yard started here."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run and manage AI training jobs."""
    context.obj = Session(url)
    context.call_on_close(context.obj.close)


COMMANDS = (
    ("up", up.up),
    ("login", login.login),
    ("submit", submit.submit),
    ("list", lists.list_jobs),
    ("get", show.get),
    ("logs", logs.logs),
    ("metrics", metrics.metrics),
    ("events", events.events),
    ("wait", wait.wait),
    ("pause", act.pause),
    ("resume", act.resume),
    ("kill", act.kill),
    ("priority", act.priority),
    ("dev", dev.dev),
    ("ssh", ssh.ssh),
    ("port-forward", forward.port_forward),
    ("support", support.support),
    ("notifications", support.notifications),
    ("usage", usage.usage),
    ("cluster", cluster.cluster),
    ("audit", audit.audit),
)
GROUPS = (
    ("endpoint", endpoint.app),
    ("user", user.app),
    ("vc", vc.app),
    ("token", token.app),
    ("key", key.app),
    ("secret", secret.app),
    ("admin", admin.app),
)
for name, command in COMMANDS:
    app.command(name, cls=ssh.OwnFirst if name == "ssh" else None)(command)
for name, group in GROUPS:
    app.add_typer(group, name=name)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script's entry point."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(args=None if arguments is None else list(arguments), prog_name="jobyard")
