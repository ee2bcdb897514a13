"""Who may speak with runs' pods, as specs of NetworkPolicies: ranks with their own, whom operators name, nobody else.

Kubernetes adds policies up, so a namespace has one that closes it, and each run of several ranks one that opens it
among its ranks alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Any

Document = dict[str, Any]
Labels = Mapping[str, str]

LINK_LOCAL = (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))
"""Where clouds give out a machine's own credentials: open only to an operator who names addresses inside."""
DNS_PORT = 53
_PROTOCOLS = ("UDP", "TCP")


@dataclass(frozen=True)
class Pods:
    """Pods with these labels in namespaces with these; no namespaces: in the run's own."""

    namespaces: Labels | None = None
    pods: Labels | None = None
    ports: tuple[int, ...] = ()
    """None: all."""


@dataclass(frozen=True)
class Addresses:
    """A network, without those inside it that are named."""

    cidr: IPv4Network | IPv6Network
    without: tuple[IPv4Network | IPv6Network, ...] = ()
    ports: tuple[int, ...] = ()
    """None: all."""


Peer = Pods | Addresses


@dataclass(frozen=True)
class Openings:
    """What is open in every namespace of runs."""

    dns: Sequence[Peer] = ()
    """Who resolves names: on port 53, unless they have ports of their own."""
    callers: Sequence[Peer] = ()
    """Who may connect to runs."""
    reach: Sequence[Peer] = ()
    """What runs may connect to."""


def closed(openings: Openings) -> Document:
    """For all pods of a namespace: nothing in and nothing out but this."""
    return {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [_rule("from", peer) for peer in openings.callers],
        "egress": [
            *(_rule("to", resolver, _ports(resolver.ports or (DNS_PORT,), _PROTOCOLS)) for resolver in openings.dns),
            *(_rule("to", peer) for peer in openings.reach),
        ],
    }


def together(ranks: Labels) -> Document:
    """The pods with these labels, of one namespace, may speak with one another on every port."""
    selected = {"matchLabels": dict(ranks)}
    return {
        "podSelector": selected,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [{"podSelector": selected}]}],
        "egress": [{"to": [{"podSelector": selected}]}],
    }


def _rule(direction: str, peer: Peer, ports: list[Document] | None = None) -> Document:
    ports = ports if ports is not None else _ports(peer.ports, _PROTOCOLS)
    return {direction: [_peer(peer)], **({"ports": ports} if ports else {})}


def _ports(numbers: Iterable[int], protocols: Iterable[str]) -> list[Document]:
    return [{"protocol": protocol, "port": number} for number in numbers for protocol in protocols]


def _peer(peer: Peer) -> Document:
    if isinstance(peer, Addresses):
        excepted = [*peer.without, *(each for each in LINK_LOCAL if _holds(peer.cidr, each))]
        kept = sorted({str(each) for each in excepted})
        return {"ipBlock": {"cidr": str(peer.cidr), **({"except": kept} if kept else {})}}
    selectors = (("namespaceSelector", peer.namespaces), ("podSelector", peer.pods))
    return {name: {"matchLabels": dict(labels)} if labels else {} for name, labels in selectors if labels is not None}


def _holds(network: IPv4Network | IPv6Network, inner: IPv4Network | IPv6Network) -> bool:
    """More than `inner` itself."""
    if isinstance(network, IPv4Network):
        return isinstance(inner, IPv4Network) and network != inner and inner.subnet_of(network)
    return isinstance(inner, IPv6Network) and network != inner and inner.subnet_of(network)
