"""What a registry wants before it answers: its `WWW-Authenticate` header, read without believing any of it.

Sources: RFC 9110, section 11; the token authentication of the distribution specification. A realm is an address that
credentials may be sent to, so it has to belong to the registry: the same host, or one under the same domain.
"""

import re
from dataclasses import dataclass

_PARAMETER = re.compile(r'\s*([A-Za-z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*(?:,|$)')
_REALM = re.compile(r"(https?)://([A-Za-z0-9.-]{1,253})(?::([0-9]{1,5}))?(/[\x21\x24-\x3b\x3d\x3f-\x7e]*)?")
LONGEST = 4096


@dataclass(frozen=True)
class Basic:
    """A name and a password with every request."""


@dataclass(frozen=True)
class Bearer:
    """A token, to be had at `scheme://host:port path`."""

    scheme: str
    host: str
    port: int
    path: str
    service: str | None


def challenge_of(header: str | None, registry: str, scheme: str) -> Basic | Bearer | None:
    """What is asked for; None where that cannot be given. `registry`: host and port; `scheme`: how it is spoken to."""
    kind, _, rest = (header or "")[:LONGEST].strip().partition(" ")
    if kind.lower() == "basic":
        return Basic()
    if kind.lower() != "bearer":
        return None
    said = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    realm = _REALM.fullmatch(said.get("realm", ""))
    if realm is None:
        return None
    host = realm[2].lower()
    own = registry.rpartition(":")[0] or registry
    if not _related(host, own) or (realm[1] != "https" and (realm[1] != scheme or host != own)):
        return None
    port = int(realm[3]) if realm[3] else (443 if realm[1] == "https" else 80)
    return Bearer(realm[1], host, port, realm[4] or "/", said.get("service"))


def _related(host: str, registry: str) -> bool:
    """Docker Hub's tokens come from auth.docker.io, GitLab's from gitlab.com."""
    if host == registry:
        return True
    domain = ".".join(registry.split(".")[-2:])
    named = not registry.replace(".", "").isdigit() and "." in domain
    return named and (host == domain or host.endswith(f".{domain}"))
