"""Who may reach whom by NetworkPolicies, as their API says: what selects a pod confines it, and any rule may allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Party:
    """A pod of the policies' namespace, or somebody elsewhere, whom only peers without pods of this namespace are."""

    labels: Mapping[str, str]
    here: bool = True
    namespace: Mapping[str, str] | None = None
    """Labels of the namespace of somebody elsewhere."""


def allowed(policies: Sequence[Document], source: Party, target: Party, port: int, protocol: str = "TCP") -> bool:
    """Whether a connection is let out of the one, and into the other."""
    return _passes(policies, "Egress", source, target, port, protocol) and _passes(
        policies, "Ingress", target, source, port, protocol
    )


def _passes(policies: Sequence[Document], way: str, held: Party, other: Party, port: int, protocol: str) -> bool:
    specs = [policy["spec"] for policy in policies]
    confining = [each for each in specs if held.here and way in each["policyTypes"] and _is(each["podSelector"], held)]
    rules = [rule for spec in confining for rule in spec.get(way.lower(), ())]
    return not confining or any(_fits(rule, way, other, port, protocol) for rule in rules)


def _fits(rule: Document, way: str, other: Party, port: int, protocol: str) -> bool:
    peers = rule.get("from" if way == "Ingress" else "to")
    ports = rule.get("ports")
    at = {"port": port, "protocol": protocol}
    known = ports is None or any({"protocol": "TCP", **each} == at for each in ports)
    return known and (peers is None or any(_peer(peer, other) for peer in peers))


def _peer(peer: Document, other: Party) -> bool:
    if "namespaceSelector" in peer:
        there = other.namespace is not None and _matches(peer["namespaceSelector"], other.namespace)
        return there and ("podSelector" not in peer or _is(peer["podSelector"], other))
    return other.here and "podSelector" in peer and _is(peer["podSelector"], other)


def _is(selector: Document, party: Party) -> bool:
    return _matches(selector, party.labels)


def _matches(selector: Document, labels: Mapping[str, str]) -> bool:
    wanted: bool = selector.get("matchLabels", {}).items() <= labels.items()
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In", "no other operator is known here"
        wanted = wanted and labels.get(expression["key"]) in expression["values"]
    return wanted
