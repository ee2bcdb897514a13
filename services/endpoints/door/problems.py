"""What the door itself answers: a problem document (RFC 9457) for programs, a small page for browsers."""

import html
import json
import re
from http import HTTPStatus

from aiohttp import web

from shared.contracts.errors import Refusal, Unavailable

MEDIA_TYPE = "application/problem+json"
RELOAD_S = 2
SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_CODE = re.compile(r"`([^`]+)`")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{reload}
<meta name="viewport" content="width=device-width"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em; color: #222 }}
h1 {{ font-size: 1.3em }} code {{ background: #f0f0f0; padding: .1em .3em }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111; color: #ddd }} code {{ background: #333 }} }}
</style></head><body><h1>{title}</h1><p>{message}</p>{looks_again}</body></html>
"""


class BadRequest(Refusal):
    """Not a request that this door answers."""

    status, code = 400, "bad_request"


class NotListening(Unavailable):
    """Nothing listens on the port yet; the page that says so looks again by itself."""

    status, code = 503, "not_listening"


class BadGateway(Refusal):
    """The program behind the door answered something that can't be passed on."""

    status, code = 502, "bad_gateway"


def answer(refusal: Refusal, request: web.BaseRequest) -> web.Response:
    """The refusal in the form that the client reads."""
    headers = dict(SAFE)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="jobyard"'
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RELOAD_S)
    response = _page_of(refusal, headers) if _is_browser(request) else _document_of(refusal, headers)
    if refusal.status == HTTPStatus.BAD_REQUEST:
        response.force_close()  # what comes behind it could be read in two ways
    return response


def _page_of(refusal: Refusal, headers: dict[str, str]) -> web.Response:
    return web.Response(
        text=_page(refusal), status=refusal.status, headers=headers, content_type="text/html", charset="utf-8"
    )


def _document_of(refusal: Refusal, headers: dict[str, str]) -> web.Response:
    document = {
        "type": f"urn:jobyard:problem:{refusal.code}",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.message,
        "code": refusal.code,
    }
    return web.Response(text=json.dumps(document), status=refusal.status, headers=headers, content_type=MEDIA_TYPE)


def _page(refusal: Refusal) -> str:
    """Pages of what may change soon look again by themselves."""
    again = refusal.status in (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)
    return _PAGE.format(
        title=html.escape(HTTPStatus(refusal.status).phrase if not again else "Not open now"),
        reload=f'<meta http-equiv="refresh" content="{RELOAD_S}">' if again else "",
        message=_CODE.sub(r"<code>\1</code>", html.escape(refusal.message)),
        looks_again="<p>This page looks again by itself.</p>" if again else "",
    )


def _is_browser(request: web.BaseRequest) -> bool:
    """Whether somebody looks at the answer: a page was asked for, not data for one."""
    return "text/html" in request.headers.get("Accept", "") and request.headers.get("X-Requested-With") is None
