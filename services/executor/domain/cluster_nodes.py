"""What the nodes of a Kubernetes cluster have for runs: what is allocatable there, less what others hold.

A node that is closed to new pods (cordoned, tainted against them, not ready) has nothing to give out, so nothing new is
placed there; the runs that are there stay.

A taint whose key is the resource of some devices keeps out all pods but those that ask for it, as on the pools of
managed clusters (`nvidia.com/gpu=present:NoSchedule`): runs with such devices tolerate it, and only they may go there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from services.executor.domain.admission import Capacity

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18}
_SMALL = {"n": 1e9, "u": 1e6, "m": 1e3}
_MIB = 2**20
_OF_PODS = frozenset({"cpu", "memory"})
"""What can be asked for a pod as a whole."""
_KEEPS_OUT = frozenset({"NoSchedule", "NoExecute"})


@dataclass(frozen=True)
class Kind:
    """Devices of a type: the resource, and the labels of nodes that have it."""

    resource: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeFacts:
    """What is needed of a node's document."""

    uid: str
    name: str
    boot_id: str
    cordoned: bool
    keeps_out: tuple[Mapping[str, Any], ...]
    """The taints that runs' pods do not tolerate by the settings."""
    labels: Mapping[str, str]
    allocatable: Mapping[str, float]
    ready: bool = True
    """Whether the cluster hears of it, and it can run what is there."""

    def takes(self, resource: str | None) -> bool:
        """Whether the pod of a run may come that asks for this resource; None: for no device."""
        asks = () if resource is None else (toleration_of(resource),)
        kept_out = any(not any(_tolerates(each, taint) for each in asks) for taint in self.keeps_out)
        return self.ready and not self.cordoned and not kept_out

    def is_open(self, kinds: Iterable[Kind]) -> bool:
        """Whether the pod of any run may come, with some of these devices or none."""
        return any(self.takes(resource) for resource in (None, *(kind.resource for kind in kinds)))

    def only_with(self, kinds: Iterable[Kind]) -> bool:
        """Whether one of its taints keeps out whoever asks for none of these devices."""
        own = [toleration_of(kind.resource) for kind in kinds]
        return any(_tolerates(each, taint) for each in own for taint in self.keeps_out)


def toleration_of(resource: str) -> dict[str, Any]:
    """What a pod that asks for the resource tolerates, as Kubernetes' `ExtendedResourceToleration` admission has it."""
    return {"key": resource, "operator": "Exists", "effect": "NoSchedule"}


def node_facts(document: Mapping[str, Any], tolerated: Iterable[Mapping[str, Any]] = ()) -> NodeFacts:
    """Of the API server's document. `tolerated`: the tolerations that runs' pods have."""
    meta, spec, status = document["metadata"], document.get("spec", {}), document.get("status", {})
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    tolerations = list(tolerated)
    keeps_out = tuple(
        taint
        for taint in spec.get("taints", ())
        if taint.get("effect") in _KEEPS_OUT and not any(_tolerates(each, taint) for each in tolerations)
    )
    return NodeFacts(
        uid=meta["uid"],
        name=meta["name"],
        boot_id=status.get("nodeInfo", {}).get("bootID", ""),
        cordoned=bool(spec.get("unschedulable")),
        keeps_out=keeps_out,
        labels=meta.get("labels", {}),
        allocatable={name: quantity(amount) for name, amount in status.get("allocatable", {}).items()},
        ready=conditions.get("Ready") == "True",
    )


def requests(pod: Mapping[str, Any]) -> dict[str, float]:
    """What a pod holds of its node, as Kubernetes counts it (`PodRequests` of k8s.io/component-helpers/resource).

    All of its containers and sidecars, or what was needed at once while it was prepared, whichever is more; what is
    asked for the pod as a whole counts instead of that; and the overhead of its runtime class comes on top.
    """
    spec = pod.get("spec", {})
    total: dict[str, float] = {}
    for container in spec.get("containers", ()):
        _add(total, _requested(container))
    sidecars: dict[str, float] = {}
    most: dict[str, float] = {}
    for container in spec.get("initContainers", ()):
        asked = dict(_requested(container))
        if container.get("restartPolicy") == "Always":
            _add(total, asked)
            _add(sidecars, asked)
            asked = dict(sidecars)
        else:
            _add(asked, sidecars)
        _raise(most, asked)
    _raise(total, most)
    total |= {name: amount for name, amount in _requested(spec).items() if name in _OF_PODS}
    _add(total, _quantities(spec.get("overhead") or {}))
    return total


def capacity(node: NodeFacts, held: Iterable[Mapping[str, float]], kinds: Mapping[str, Kind]) -> Capacity:
    """What runs may use there. `held`: by pods that are not runs; each of them counts, also one that holds nothing."""
    if not node.is_open(kinds.values()):
        return Capacity(0.0, 0, {}, pods=0)
    free = dict(node.allocatable)
    pods = free.pop("pods", None)
    others = list(held)
    for pod in others:
        for name, amount in pod.items():
            free[name] = free.get(name, 0.0) - amount
    devices = {
        name: int(free.get(kind.resource, 0))
        for name, kind in kinds.items()
        if free.get(kind.resource, 0) >= 1 and kind.labels.items() <= node.labels.items() and node.takes(kind.resource)
    }
    return Capacity(
        cpus=max(round(free.get("cpu", 0.0), 3), 0.0),
        memory_mib=max(int(free.get("memory", 0.0)) // _MIB, 0),
        devices=devices,
        pods=None if pods is None else max(int(pods) - len(others), 0),
    )


def whole(node: NodeFacts, kinds: Mapping[str, Kind]) -> Capacity:
    """What runs could use there at best: nobody else does, and it is open."""
    return capacity(replace(node, ready=True, cordoned=False, keeps_out=()), (), kinds)


def quantity(text: str) -> float:
    """`1500m`, `16Gi`, `1e3`. Raises ValueError."""
    if text[-1:] in _SMALL:
        return float(text[:-1]) / _SMALL[text[-1]]
    for suffix, factor in (*_BINARY.items(), *_DECIMAL.items()):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)


def _requested(asking: Mapping[str, Any]) -> dict[str, float]:
    return _quantities((asking.get("resources") or {}).get("requests") or {})


def _quantities(amounts: Mapping[str, str]) -> dict[str, float]:
    return {name: quantity(amount) for name, amount in amounts.items()}


def _add(total: dict[str, float], amounts: Mapping[str, float]) -> None:
    for name, amount in amounts.items():
        total[name] = total.get(name, 0.0) + amount


def _raise(total: dict[str, float], amounts: Mapping[str, float]) -> None:
    for name, amount in amounts.items():
        total[name] = max(total.get(name, 0.0), amount)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint.get("key"))
    return toleration.get("key") == taint.get("key") and toleration.get("value", "") == taint.get("value", "")
