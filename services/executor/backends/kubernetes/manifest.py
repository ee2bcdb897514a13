"""One rank of a run as a pod: everything that the API server is told of it, made without asking anybody.

It satisfies the `restricted` Pod Security level whatever the job asks for: nothing of a submission reaches a field
that could ask for more.
"""

import math
from collections.abc import Mapping

from services.executor.backends.kubernetes import wrapper
from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.layout import Layout, Unplaceable
from services.executor.backends.kubernetes.logins import login_name
from services.executor.backends.kubernetes.mounts import mounts_and_volumes
from services.executor.backends.kubernetes.variables import literal, variables
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from shared.contracts.job import CPU

SHORTEST_GRACE_S = 1
"""A deletion without any grace period would not wait for the node to say that the pod is gone."""


def pod(order: RunOrder, layout: Layout) -> Document:
    """The pod of this rank. Raises Unplaceable."""
    mounts, volumes = mounts_and_volumes(order, layout)
    container: Document = {
        "name": names.CONTAINER,
        "image": order.image or layout.image,
        "imagePullPolicy": layout.pull_policy,
        "command": [literal(word) for word in wrapper.started(order.argv, str(order.cwd))],
        "env": variables(order),
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
        "imagePullSecrets": [{"name": name} for name in (*layout.pull_secrets, *_login(order))],
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


def _login(order: RunOrder) -> tuple[str, ...]:
    """The Secret of its own that the pod's image is pulled with, if there is one."""
    return () if order.login is None else (login_name(names.pod_name(order.run_id)),)


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
                **({} if order.login is None else {names.LOGIN: "true"}),
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
