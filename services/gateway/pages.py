"""The console's pages: static files for everybody, answered from memory under a strict content security policy.

A page may load, run and ask what comes from this platform alone, and no other site may frame it. Nothing of a request
reaches a file: its path is a name of the manifest (`site.py`), or it is an address that the console reads itself.
"""

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.domain.pages import ASSETS, is_page
from services.gateway.domain.representations import encoding_for, has_it
from services.gateway.site import File, Site
from services.gateway.watch import Cut
from shared.contracts.errors import NotFound

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Cross-Origin-Opener-Policy": "same-origin"}
FOR_EVER = "public, max-age=31536000, immutable"
ASKED_EACH_TIME = "no-cache"
PIECE_BYTES = 65_536
LASTS_S = 60.0
"""How long a reader may take for one file."""
NO_ASSET = "The console has no such file. A newer version of it may have been installed: reload the page."
NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Jobyard</title>
<h1>Jobyard</h1>
<p>The console isn't built: run <code>make setup</code> in the checkout, and start the platform again.</p>
<p>The API works without it: <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p>
</html>
"""


@dataclass(frozen=True)
class Route:
    """What requests of pages are counted as."""

    path: str = "/{page}"


class Pages:
    """In front of the routes, behind the door, which lets everybody see a page."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_page(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        scope["route"] = Route()
        await self._answer(scope["path"], scope["method"] == "HEAD", Headers(scope=scope))(scope, receive, send)

    def _answer(self, path: str, only_head: bool, asked: Headers) -> Response:
        """Raises NotFound for a file whose name would have changed with its content."""
        file = self._site.files.get(path)
        if file is None and path.startswith(ASSETS):
            raise NotFound(NO_ASSET)
        file = file or self._site.index
        if file is None:
            return HTMLResponse("" if only_head else NOT_BUILT, 503, HEADERS)
        return _sent(file, FOR_EVER if path.startswith(ASSETS) else ASKED_EACH_TIME, only_head, asked)


def _sent(file: File, cached: str, only_head: bool, asked: Headers) -> Response:
    encoding = encoding_for(",".join(asked.getlist("accept-encoding")), tuple(file.encoded))
    form = file.plain if encoding is None else file.encoded[encoding]
    headers = HEADERS | {"Cache-Control": cached, "ETag": form.etag, "Vary": "Accept-Encoding"}
    if has_it(asked.get("if-none-match"), form.etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(len(form.body))
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    return _InPieces(b"" if only_head else form.body, headers=headers, media_type=file.media_type)


class _InPieces(Response):
    """Sent as the reader takes it: who takes nothing costs one piece, and counts as a request under way until cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(LASTS_S):
                await self._sent(send)
        except TimeoutError:
            raise Cut from None

    async def _sent(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for begin in range(0, len(self.body), PIECE_BYTES):
            await send(
                {"type": "http.response.body", "body": self.body[begin : begin + PIECE_BYTES], "more_body": True}
            )
        await send({"type": "http.response.body"})
