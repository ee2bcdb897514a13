"""Which endpoint a request is for, by its path or by the name it was sent to, and what the job sees of the path."""

import re
from dataclasses import dataclass

from shared.contracts.endpoints import EndpointKind

ROOT = "/endpoints/"
KEEP_PREFIX = frozenset({EndpointKind.JUPYTER.value, EndpointKind.TENSORBOARD.value})
"""Programs that were told where they live; a port's program believes that it is alone."""

_PATH = re.compile(r"/endpoints/([^/]+)/([^/]+)(/.*)?")
_LABEL = re.compile(r"([0-7][0-9a-hjkmnp-tv-z]{25})-([a-z0-9-]{1,32})")
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[^/:\[\]]+)(:[0-9]{1,5})?/*")


@dataclass(frozen=True)
class Place:
    """An endpoint as a browser finds it. `own_origin`: nothing else lives under its host name."""

    job_id: str
    name: str
    own_origin: bool = False

    @property
    def keeps_prefix(self) -> bool:
        return self.name in KEEP_PREFIX

    @property
    def base(self) -> str:
        """The path under which the program believes to live, or would in a path."""
        return f"{ROOT}{self.job_id}/{self.name}"

    @property
    def prefix(self) -> str:
        """What stands in the browser's address before the program's own paths."""
        return "" if self.own_origin or self.keeps_prefix else self.base

    @property
    def confines(self) -> str:
        """The path that cookies are held to."""
        return "/" if self.own_origin else self.base

    def inside(self, path: str) -> str:
        """A path of the browser as the program gets it."""
        return path.removeprefix(self.prefix)

    def outside(self, path: str) -> str:
        """A path of the program as the browser has to ask for it."""
        if not self.prefix or path == self.prefix or path.startswith((f"{self.prefix}/", f"{self.prefix}?")):
            return path
        return f"{self.prefix}{path}"


@dataclass(frozen=True)
class Addresses:
    """How browsers reach this door: `public_url`, and the domain whose names are endpoints, if there is one."""

    public_url: str
    domain: str | None = None

    @property
    def scheme(self) -> str:
        return self._parts()[0]

    @property
    def host(self) -> str:
        """The door's own name, lower case, without a port."""
        return self._parts()[1]

    def origin_of(self, job_id: str, name: str) -> str:
        """Where this endpoint lives, without a path."""
        if self.domain is None:
            return self.public_url.rstrip("/")
        scheme, _, port = self._parts()
        return f"{scheme}://{job_id}-{name}.{self.domain}{port}".lower()

    def url_of(self, job_id: str, name: str) -> str:
        """The address that a browser opens."""
        place = Place(job_id, name, own_origin=self.domain is not None)
        home = f"{place.base}/" if place.prefix or place.keeps_prefix else "/"
        return self.origin_of(job_id, name) + home

    def place_of(self, host: str, path: str) -> Place | None:
        """What this host (lower case, without a port) and path mean; None: no endpoint."""
        if self.domain is not None and host.endswith(f".{self.domain.lower()}"):
            label = _LABEL.fullmatch(host.removesuffix(f".{self.domain.lower()}"))
            return Place(label[1].upper(), label[2], own_origin=True) if label else None
        found = _PATH.fullmatch(path)
        return Place(found[1], found[2]) if found else None

    def _parts(self) -> tuple[str, str, str]:
        found = _URL.fullmatch(self.public_url)
        if found is None:
            raise ValueError(f"'{self.public_url}' is not an address like https://jobs.example.org")
        return found[1], found[2].lower(), found[3] or ""
