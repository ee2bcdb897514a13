"""Where a notification may go: reads a recipient, and says which are refused and why.

An address is taken apart here once, and the parts are what is connected to, so that no second reader of the same text
can understand another host. Which network addresses are allowed is asked again at the moment of connecting.
"""

import ipaddress
import re
from dataclasses import dataclass

from shared.contracts.addresses import AddressRefused, Network, check_address

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_MAIL = re.compile(r"mailto:([A-Za-z0-9.!#$%&'*+/=^_`{|}~-]{1,64})@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)")
_WEB = re.compile(
    r"(https?)://"
    r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?)"
    r"(?::([0-9]{1,5}))?"
    r"(/[\x21\x22\x24-\x7e]*)?"  # visible ASCII without `#`
)
_PORTS = {"http": 80, "https": 443}


class Refused(ValueError):
    """The message is a sentence for whoever named the recipient."""


@dataclass(frozen=True)
class Mail:
    """A mail address."""

    address: str


@dataclass(frozen=True)
class Webhook:
    """An HTTP address, in the parts that are connected to and asked for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Push:
    """An address of Apprise's, whose scheme the operator allowed."""

    scheme: str
    url: str


Target = Mail | Webhook | Push


@dataclass(frozen=True)
class Policy:
    """What the operator allows."""

    networks: tuple[Network, ...] = ()
    schemes: frozenset[str] = frozenset()
    mail_domains: frozenset[str] = frozenset()
    """None: any."""


def kinds(policy: Policy) -> tuple[str, ...]:
    """The schemes of which some recipient is allowed."""
    plain = ("http",) if policy.networks else ()
    return ("mailto", "https", *plain, *sorted(policy.schemes))


def target_of(to: str, policy: Policy) -> Target:
    """The recipient that an entry names. Raises Refused."""
    match = _SCHEME.match(to)
    scheme = match.group(1) if match else ""
    if scheme == "mailto":
        return _mail(to, policy)
    if scheme in _PORTS:
        return _webhook(to, policy)
    if scheme in policy.schemes:
        return Push(scheme, to)
    allowed = ", ".join(sorted(policy.schemes)) or "none"
    raise Refused(f"must begin with mailto: or https://; other services that the operators allowed: {allowed}")


def _mail(to: str, policy: Policy) -> Mail:
    match = _MAIL.fullmatch(to)
    if match is None or ".." in to:
        raise Refused("must be one plain mail address, for example mailto:ada@example.org")
    if policy.mail_domains and match.group(2).lower() not in policy.mail_domains:
        domains = ", ".join(sorted(policy.mail_domains))
        raise Refused(f"mails go to addresses of these domains only: {domains}")
    return Mail(f"{match.group(1)}@{match.group(2)}")


def _webhook(to: str, policy: Policy) -> Webhook:
    match = _WEB.fullmatch(to)
    if match is None:
        raise Refused("must be an address like https://example.org/path, without a user, a password or a fragment")
    scheme, host, port, path = match.groups()
    if scheme == "http" and not policy.networks:
        raise Refused("must begin with https://; plain http only reaches networks that the operators allowed")
    number = int(port) if port else _PORTS[scheme]
    if not 0 < number < 65536:
        raise Refused("must have a port from 1 to 65535")
    literal = _literal(host)
    if literal is not None:
        try:
            check_address(literal, scheme, policy.networks)
        except AddressRefused as refused:
            raise Refused(str(refused)) from refused
    return Webhook(scheme, host, number, path or "/")


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None
