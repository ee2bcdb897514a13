"""Endpoints live at a door of their own, another origin than the API's: who asks for one here is sent there.

Nobody needs a token to be sent on; the door asks for one. Where it has no public address, it is on the host that was
asked for, which has to be one of this platform's names.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.domain.origins import host_of, trusted_host

ROOT = "/endpoints/"
LOOKING = frozenset({"GET", "HEAD"})


class Elsewhere:
    """In front of the door of the API. `url`: of the other door; without it, `port` on the same host; 0: none."""

    def __init__(self, app: ASGIApp, url: str | None, port: int, hosts: Collection[str]) -> None:
        self._app = app
        self._url = url
        self._port = port
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        base = self._base(scope) if _is_look(scope) else None
        if base is None:
            await self._app(scope, receive, send)
            return
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        await Response(status_code=307, headers={"Location": base + target.decode("latin-1")})(scope, receive, send)

    def _base(self, scope: Scope) -> str | None:
        if self._url is not None:
            return self._url.rstrip("/")
        host = Headers(scope=scope).get("host")
        if not self._port or host is None or not trusted_host(host, self._hosts):
            return None
        return f"http://{host_of(host)}:{self._port}"


def _is_look(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in LOOKING and scope["path"].startswith(ROOT)
