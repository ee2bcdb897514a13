"""One rank of a run as a pod: everything that the API server is told of it, made without asking anybody.

It satisfies the `restricted` Pod Security level whatever the job asks for: nothing of a submission reaches a field
that could ask for more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from services.executor.backends.kubernetes import wrapper
from services.executor.backends.kubernetes.hidden import concealed
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.cluster_nodes import Kind
from shared.contracts.job import CPU

SHORTEST_GRACE_S = 1
"""A deletion without any grace period would not wait for the node to say that the pod is gone."""

MASTER_ADDR = "MASTER_ADDR"
VISIBLE = frozenset({"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "ASCEND_RT_VISIBLE_DEVICES"})

Document = dict[str, Any]


@dataclass(frozen=True)
class Storage:
    """A prefix of paths, and the claim that it lies on."""

    prefix: PurePath
    claim: str
    sub_path: str = ""


@dataclass(frozen=True)
class Layout:
    """What an operator has set for all pods."""

    executor: str
    namespaces: str = "jobyard-"
    image: str = ""
    """Of jobs that name none."""
    pull_policy: str = "IfNotPresent"
    pull_secrets: Sequence[str] = ()
    storages: Sequence[Storage] = ()
    device_types: Mapping[str, Kind] = field(default_factory=dict)
    limit_cpus: bool = True
    shared_memory_mib: int = 1024
    user: int = 1000
    group: int = 1000
    read_only_root: bool = False
    priority_class: str | None = None
    tolerations: Sequence[Document] = ()


class Unplaceable(ValueError):
    """The pod cannot be made: a path lies on no claim, or a device type has no resource."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def pod(order: RunOrder, layout: Layout) -> Document:
    """The pod of this rank. Raises Unplaceable."""
    mounts, volumes = _storage(order, layout)
    container: Document = {
        "name": names.CONTAINER,
        "image": order.image or layout.image,
        "imagePullPolicy": layout.pull_policy,
        "command": [_literal(word) for word in wrapper.started(order.argv, str(order.cwd))],
        "env": _environment(order),
        "lifecycle": {"preStop": {"exec": {"command": wrapper.stopped()}}},
        "resources": _resources(order, layout),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": layout.read_only_root,
        },
        "terminationMessagePath": wrapper.MESSAGE,
        "volumeMounts": mounts,
    }
    spec: Document = {
        "affinity": _pinned(names.node_name(order.node)),
        "automountServiceAccountToken": False,
        "containers": [container],
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": name} for name in layout.pull_secrets],
        "restartPolicy": "Never",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": layout.user,
            "runAsGroup": layout.group,
            "fsGroup": layout.group,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": grace_s(order.grace_s),
        "tolerations": list(layout.tolerations),
        "volumes": volumes,
    }
    if layout.priority_class:
        spec["priorityClassName"] = layout.priority_class
    secret = {names.SECRET: "true"} if order.hidden else {}
    return _document(order.run_id, order, layout, spec, {names.GRACE: f"{order.grace_s:g}"} | secret)


def tombstone(order: RunOrder, layout: Layout) -> Document:
    """A pod that keeps the name and never starts: its scheduling is held up for ever."""
    spec: Document = {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": names.CONTAINER,
                "image": layout.image or "none",
                "resources": _resources(order, layout),
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
        "restartPolicy": "Never",
        "schedulingGates": [{"name": names.TOMBSTONE}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return _document(order.run_id, order, layout, spec, {names.TOMBSTONE: "stopped before it started"})


def grace_s(seconds: float) -> int:
    """As Kubernetes counts it, in whole seconds."""
    return max(SHORTEST_GRACE_S, math.ceil(seconds))


def _document(
    rank_id: str, order: RunOrder, layout: Layout, spec: Document, annotations: Mapping[str, str]
) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": names.pod_name(rank_id),
            "namespace": names.namespace(order.vc, layout.namespaces),
            "labels": {
                names.MANAGED_BY: names.JOBYARD,
                names.EXECUTOR: names.short_hash(layout.executor),
                names.JOB: order.job_id.lower(),
                names.RANK: str(order.rank),
            },
            "annotations": {
                names.RUN: rank_id,
                names.NODE: layout.executor,
                names.OWNER: order.owner,
                names.VC: order.vc,
                **annotations,
            },
            "finalizers": [names.FINALIZER],
        },
        "spec": spec,
    }


def _pinned(node: str) -> Document:
    """To the node that the scheduler of the platform has chosen; Kubernetes' own still admits the pod there."""
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _resources(order: RunOrder, layout: Layout) -> Document:
    """What is asked for is the limit as well, so that no run takes what another one was promised.

    Processors may be left without: those that nobody uses are lost otherwise, and a run has its share all the same.
    """
    amounts = {"cpu": f"{round(order.cpus * 1000)}m"}
    if order.memory_mib:
        amounts["memory"] = f"{order.memory_mib}Mi"
    if order.device_type != CPU and order.devices:
        kind = layout.device_types.get(order.device_type)
        if kind is None:
            message = f"The operators have named no resource of the cluster for devices of type {order.device_type}."
            raise Unplaceable("devices_unknown", message)
        amounts[kind.resource] = str(len(order.devices))
    limits = {name: amount for name, amount in amounts.items() if name != "cpu" or layout.limit_cpus}
    return {"requests": amounts, "limits": limits}


def _environment(order: RunOrder) -> list[Document]:
    """Which devices a container sees is its device plugin's to say."""
    env = {name: value for name, value in order.env.items() if not (order.devices and name in VISIBLE)}
    listed: list[Document] = [{"name": name, "value": _literal(value)} for name, value in env.items()]
    kept = concealed(order)
    for variable in listed:
        if variable["name"] in kept:
            del variable["value"]
            reference = {"name": names.pod_name(order.run_id), "key": variable["name"]}
            variable["valueFrom"] = {"secretKeyRef": reference}
        if variable["name"] == MASTER_ADDR and order.ranks > 1 and order.rank == 0:  # only it knows where it will be
            del variable["value"]
            variable["valueFrom"] = {"fieldRef": {"fieldPath": "status.podIP"}}
    return listed


def _storage(order: RunOrder, layout: Layout) -> tuple[list[Document], list[Document]]:
    """Each folder that the run may use, and nothing beside it; its data can't be written."""
    folders = order.folders
    wanted = {folders.job: False, folders.checkpoints: False, folders.work: False}
    if folders.data is not None and folders.data not in wanted:
        wanted[folders.data] = True
    mounts: list[Document] = [{"name": "shm", "mountPath": "/dev/shm"}]
    claims: list[str] = []
    inside: list[PurePath] = []
    for path, read_only in sorted(wanted.items()):
        if any(path.is_relative_to(parent) and not read_only for parent in inside):
            continue
        storage = _storage_of(path, layout.storages)
        if storage.claim not in claims:
            claims.append(storage.claim)
        below = PurePath(storage.sub_path) / path.relative_to(storage.prefix)
        mount: Document = {"name": f"storage-{claims.index(storage.claim)}", "mountPath": str(path)}
        if str(below) != ".":
            mount["subPath"] = str(below)
        if read_only:
            mount["readOnly"] = True
        else:
            inside.append(path)
        mounts.append(mount)
    shm: Document = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{layout.shared_memory_mib}Mi"}}
    volumes = [
        {"name": f"storage-{number}", "persistentVolumeClaim": {"claimName": claim}}
        for number, claim in enumerate(claims)
    ]
    return mounts, [shm, *volumes]


def _storage_of(path: PurePath, storages: Sequence[Storage]) -> Storage:
    """The one with the longest prefix."""
    fitting = [storage for storage in storages if path.is_relative_to(storage.prefix)]
    if not fitting:
        message = f"The folder {path} lies on no storage of the cluster. Submit with a path that does."
        raise Unplaceable("path_unmapped", message)
    return max(fitting, key=lambda storage: len(storage.prefix.parts))


def _literal(value: str) -> str:
    """Kubernetes puts other variables in place of `$(NAME)`, and takes `$$` for one dollar."""
    return value.replace("$", "$$")
