"""One small question to a program, over a connection that is open already."""

import asyncio
import http.client
import socket
from collections.abc import Mapping

LARGEST = 65_536


async def get(connection: socket.socket, path: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
    """The status and the beginning of the body; takes the connection. Raises OSError when it does not answer so."""
    return await asyncio.to_thread(_get, connection, path, headers, timeout_s)


def _get(connection: socket.socket, path: str, headers: Mapping[str, str], timeout_s: float) -> tuple[int, bytes]:
    connection.settimeout(timeout_s)
    client = http.client.HTTPConnection("127.0.0.1", timeout=timeout_s)
    client.sock = connection
    try:
        client.request("GET", path, headers={**headers, "Connection": "close"})
        answer = client.getresponse()
        return answer.status, answer.read(LARGEST)
    except http.client.HTTPException as error:
        raise ConnectionError(f"no HTTP: {error!r}") from error
    finally:
        client.close()
