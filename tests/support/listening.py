"""Programs that listen in runs, and who hears them."""

import asyncio
import socket
from contextlib import closing

import pytest

from shared.contracts.errors import Conflict
from tests.support.executor_backend import Bench
from tests.support.waiting import until

LISTEN = (
    "import socket, sys\n"
    "server = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
    "server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
    "server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 'shared' in sys.argv)\n"
    "server.bind((sys.argv[1], int(sys.argv[2])))\n"
    "server.listen()\n"
    "open(f'listening-{sys.argv[2]}', 'a').write('x\\n')\n"
    "while True:\n"
    "    connection = server.accept()[0]\n"
    "    connection.sendall(b'hello from ' + sys.argv[3].encode())\n"
    "    connection.close()\n"
)


async def listens(bench: Bench, port: int, address: str = "127.0.0.1", also: str = "") -> str:
    """A run in which a grandchild of the command listens, and says its run's id to whoever connects."""
    (bench.folder / "listen.py").write_text(LISTEN)
    before = len(bench.lines(f"listening-{port}"))
    id = await bench.runs(f"(setsid python3 listen.py {address} {port} $JOBYARD_RUN_ID {also} &)")
    await until(lambda: len(bench.lines(f"listening-{port}")) > before, "it listens")
    return id


async def heard(connection: socket.socket) -> str:
    found = b""
    with closing(connection):
        while data := await asyncio.get_running_loop().sock_recv(connection, 1000):
            found += data
    return found.decode()


async def not_dialled(bench: Bench, run_id: str, port: int) -> Conflict:
    with pytest.raises(Conflict) as refusal:
        await bench.backend.dial(run_id, port)
    return refusal.value
