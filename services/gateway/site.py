"""The built console in memory: read once, at the start, so that a request opens no file and names none.

Only names of this manifest exist. `x.br` and `x.gz` beside a file `x` are its encoded forms, made when the console was
built; what has none and is text is packed here.
"""

import asyncio
import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BUILT = CHECKOUT / "console" / "dist"
INDEX = "/index.html"
ENCODED = {"br": ".br", "gzip": ".gz"}
"""The encodings that there may be, the best first, and what names of such files end with."""
TEXT = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
BYTES = {
    ".ico": "image/x-icon",
    ".png": "image/png",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
}
UNKNOWN = "application/octet-stream"


@dataclass(frozen=True)
class Form:
    """A file in one encoding, and the version that browsers know it by."""

    body: bytes
    etag: str


@dataclass(frozen=True)
class File:
    """A file, and its encoded forms, the best first."""

    media_type: str
    plain: Form
    encoded: Mapping[str, Form]


class Site:
    """The files of the console by their path. Where it was not built there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder or BUILT
        self.files: Mapping[str, File] = {}

    @property
    def index(self) -> File | None:
        """The page that all addresses of the console are; None: it was not built."""
        return self.files.get(INDEX)

    async def read(self) -> None:
        """Before the first request."""
        self.files = await asyncio.to_thread(_files, self._folder)


def _files(folder: Path) -> Mapping[str, File]:
    """A link that leads out of the folder leads nowhere."""
    inside = folder.resolve()
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.resolve().is_relative_to(inside)]
    bodies = {f"/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in paths}
    return {name: _file(name, bodies) for name in bodies if not _is_encoded(name, bodies)}


def _is_encoded(name: str, bodies: Mapping[str, bytes]) -> bool:
    return any(name.endswith(ending) and name.removesuffix(ending) in bodies for ending in ENCODED.values())


def _file(name: str, bodies: Mapping[str, bytes]) -> File:
    body, suffix = bodies[name], Path(name).suffix.lower()
    packed = {encoding: bodies[name + ending] for encoding, ending in ENCODED.items() if name + ending in bodies}
    if "gzip" not in packed and suffix in TEXT:
        packed["gzip"] = gzip.compress(body, mtime=0)
    smaller = {encoding: _form(each) for encoding, each in packed.items() if len(each) < len(body)}
    return File(TEXT.get(suffix) or BYTES.get(suffix, UNKNOWN), _form(body), smaller)


def _form(body: bytes) -> Form:
    return Form(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
