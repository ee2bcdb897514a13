"""`jobyard endpoint`: ways into a running job, opened, listed and closed."""

import webbrowser
from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.entering import until_ready
from jobyard.cli.session import JobArgument, JsonOption, Session, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, notes, output, print_json, print_line
from jobyard.cli.times import brief, with_local_times
from jobyard.errors import Invalid
from jobyard.models import Endpoint, EndpointKind

COLUMNS = (
    Column("Name"),
    Column("Status", status=True),
    Column("Last used"),
    Column("Address or command", fold=True),
    Column("Reason", fold=True),
)
app = typer.Typer(no_args_is_help=True, help="Ways into a running job: ssh, jupyter, tensorboard, and ports.")


def _full_name(text: str) -> str:
    """`9000` is `port-9000`."""
    return f"port-{text}" if text.isascii() and text.isdigit() else text


NameArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", help="ssh, jupyter, tensorboard, or port-8080, or just 8080.", callback=_full_name),
]


@app.command("add")
def add(
    context: typer.Context,
    job: JobArgument,
    name: NameArgument,
    rank: Annotated[int, typer.Option(min=0, max=63, help="Which of the job's nodes it leads to.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Open a way into a job; it is ready while the job runs."""
    current = session(context)
    endpoint = current.client.endpoints.add(current.job_id(job), name, rank=rank)
    if as_json:
        print_json(endpoint)
        return
    if endpoint.kind is EndpointKind.SSH:
        print_line(address(endpoint))
    else:
        print_line(f"{name} is {endpoint.status}; `jobyard endpoint open {job} {name}` opens it.")
    if reason := _reason(endpoint):
        notes().print(Text(inert(reason)))


@app.command("list")
def list_endpoints(context: typer.Context, job: JobArgument, as_json: JsonOption = False) -> None:
    """List the ways into a job."""
    current = session(context)
    found = current.client.endpoints.list(current.job_id(job))
    if as_json:
        print_json(found)
    elif found:
        print_table(output(), COLUMNS, [_row(endpoint) for endpoint in found])
    else:
        output().print(Text("This job has no endpoints; `jobyard endpoint add` opens one."))


@app.command("remove")
def remove(context: typer.Context, job: JobArgument, name: NameArgument) -> None:
    """Close a way into a job: its program stops, and who is connected is cut within 5 s."""
    current = session(context)
    current.client.endpoints.remove(current.job_id(job), name)
    notes().print(f"Closed {inert(name)}.")


@app.command("open")
def open_endpoint(
    context: typer.Context,
    job: JobArgument,
    name: NameArgument,
    browser: Annotated[bool, typer.Option("--browser/--print", help="Print the address instead.")] = True,
) -> None:
    """Ask for it, wait until it is ready, and open it in the browser. A printed address works once, within a minute."""
    current = session(context)
    job_id = current.job_id(job)
    endpoint = current.client.endpoints.add(job_id, name)
    if endpoint.kind is EndpointKind.SSH:
        raise Invalid(f"SSH is for a terminal: {endpoint.command}")
    show(current, job_id, name, browser=browser)


def show(current: Session, job_id: str, name: str, *, browser: bool) -> None:
    """Wait until it is ready, then open it. Raises Conflict when it fails, WaitTimeout."""
    until_ready(current.client, job_id, name)
    url = current.client.endpoints.ticket(job_id, name).url
    if not browser or not webbrowser.open(url):
        print_line(url)


def address(endpoint: Endpoint) -> str:
    """What leads in: an address for a browser, or else a line for a terminal."""
    return endpoint.url or endpoint.command or ""


def _row(endpoint: Endpoint) -> list[str]:
    used = brief(endpoint.last_used_at)
    return [endpoint.name, str(endpoint.status), used, address(endpoint), _reason(endpoint)]


def _reason(endpoint: Endpoint) -> str:
    return with_local_times(endpoint.reason.message) if endpoint.reason else ""
