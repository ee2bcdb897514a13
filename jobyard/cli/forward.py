"""`jobyard port-forward`: a port of this machine that leads to one of a running job, for any TCP client."""

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from jobyard.cli.entering import require_rank, until_running, why_cut
from jobyard.cli.session import JobArgument, session
from jobyard.cli.ssh import PIECE, RankOption
from jobyard.cli.terminal import inert, notes
from jobyard.errors import Conflict, Invalid, JobyardError, Unavailable

if TYPE_CHECKING:
    from jobyard.client import Client
    from jobyard.tunnel import Connection

HERE = "127.0.0.1"
BACKLOG = 64


def port_forward(
    context: typer.Context,
    job: JobArgument,
    ports: Annotated[str, typer.Argument(metavar="LOCAL[:REMOTE]", help="0: any free port, with the job's after it.")],
    rank: RankOption = 0,
) -> None:
    """Let programs on this machine reach a port of a running job, until Ctrl-C."""
    local, remote = _ports(ports)
    current = session(context)
    job_id = current.job_id(job)
    client = current.client
    require_rank(client, job_id, rank)
    with _listening(local) as listener:
        client.endpoints.add(job_id, "port", port=remote, rank=rank)
        until_running(client, job_id)
        here = listener.getsockname()[1]
        notes().print(f"{HERE}:{here} leads to port {remote} of job {job_id}. Ctrl-C ends it.")
        forwarder = Forwarder(client, job_id, remote, rank)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=forwarder.serve, args=(connection,), daemon=True).start()


class Forwarder:
    """Serves connections, each in a thread of its own; the client is asked by one at a time."""

    def __init__(self, client: "Client", job_id: str, port: int, rank: int) -> None:
        self._client = client
        self._job_id = job_id
        self._port = port
        self._rank = rank
        self._asking = threading.Lock()

    def serve(self, local: socket.socket) -> None:
        """Until both ends have ended, or one is gone. What goes wrong is said, and ends this connection only."""
        with local:
            try:
                with self._asking:
                    opened = self._client.tunnels.connection(self._job_id, self._port, self._rank)
                with opened as inside:
                    sending = threading.Thread(target=_send, args=(local, inside), daemon=True)
                    sending.start()
                    for data in inside:
                        local.sendall(data)
                    local.shutdown(socket.SHUT_WR)
                    sending.join()
            except JobyardError as error:
                why = self._why() if isinstance(error, Unavailable) else None
                notes().print(inert(why or error.message))
            except OSError:
                pass  # the program here is gone
            with contextlib.suppress(OSError):
                local.shutdown(socket.SHUT_RDWR)

    def _why(self) -> str | None:
        with self._asking:
            return why_cut(self._client, self._job_id, f"port-{self._port}")


def _send(local: socket.socket, inside: "Connection") -> None:
    try:
        while data := local.recv(PIECE):
            inside.send(data)
        inside.end_input()
    except (OSError, Unavailable):
        return  # one end is gone; who reads the other says so


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HERE, port), backlog=BACKLOG)
    except OSError as error:
        raise Conflict(f"Port {port} of this machine can't be opened: {error.strerror}. Choose another.") from error


def _ports(text: str) -> tuple[int, int]:
    local, _, remote = text.partition(":")
    try:
        numbers = int(local), int(remote or local)
    except ValueError:
        numbers = -1, -1
    if not (0 <= numbers[0] <= 65_535 and 1024 <= numbers[1] <= 65_535):
        raise Invalid(f"'{text}' names no ports: LOCAL or LOCAL:REMOTE, the job's from 1024 to 65535.")
    return numbers
