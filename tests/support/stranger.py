"""A page of another origin: another port of the same host, so that a browser's cookies do go with what it asks.

That is as close to the platform as a foreign page can come; SameSite keeps those of other hosts away before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.support.http_double import HttpDouble, Quiet


@contextmanager
def page_of_a_stranger(html: str) -> Iterator[str]:
    """The address of this page."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = html.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with HttpDouble(Handler) as server:
        yield f"{server.url}/"
