"""One rank of a run as a pod: everything that the API server is told of it, made without asking anybody.

It satisfies the `restricted` Pod Security level whatever the job asks for: nothing of a submission reaches a field
that could ask for more. Nor does its image: who is in which group is not an image's to say.
"""

import math
from collections.abc import Mapping

from services.executor.backends.kubernetes import forms
from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.gathering import gathering_of
from services.executor.backends.kubernetes.hidden import conceals
from services.executor.backends.kubernetes.layout import Layout, Unplaceable
from services.executor.backends.kubernetes.logins import login_name
from services.executor.backends.kubernetes.mounts import mounts_and_volumes
from services.executor.backends.kubernetes.variables import variables
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.cluster_nodes import toleration_of
from services.executor.domain.pod_shell import ShellUse, needed_use
from services.executor.domain.rank_table import VARIABLE
from services.executor.domain.registries import forbidden
from shared.contracts.events import Facts
from shared.contracts.images import image_name
from shared.contracts.job import CPU, Reason

SHORTEST_GRACE_S = 1
"""A deletion without any grace period would not wait for the node to say that the pod is gone."""
_NONE = {"cpu": "0", "memory": "0"}
_NOTHING = {"requests": _NONE, "limits": _NONE}
"""Said, since a ResourceQuota refuses pods that say nothing of what it bounds."""


def pod(order: RunOrder, layout: Layout, *, direct: bool = False) -> Document:
    """The pod of this rank. `direct`: in an image without a shell. Raises Unplaceable."""
    mounts, volumes = mounts_and_volumes(order, layout)
    gathering = gathering_of(order, layout)
    table = None if gathering is None else gathering.table
    form = forms.direct(order) if direct else forms.wrapped(order, layout, gathering)
    also = forms.home(order) if direct else {}
    if table is not None:
        also[VARIABLE] = str(table)
    resource = _resource(order, layout)
    container: Document = {
        "name": names.CONTAINER,
        "image": image_of(order, layout),
        "imagePullPolicy": layout.pull_policy,
        "env": variables(order, resource, layout.plugins_say, also),
        "resources": _resources(order, layout),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": layout.read_only_root,
        },
        "volumeMounts": mounts,
        **form,
    }
    spec: Document = {
        "affinity": _pinned(names.node_name(order.node), layout.node_labels),
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
            "supplementalGroupsPolicy": "Merge" if layout.image_groups else "Strict",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": grace_s(order.grace_s),
        "tolerations": [*layout.tolerations, *([] if resource is None else [toleration_of(resource)])],
        "volumes": volumes,
    }
    chosen = {
        "priorityClassName": layout.priority_class,
        "runtimeClassName": layout.runtime_class,
        "schedulerName": layout.scheduler,
    }
    spec |= {name: value for name, value in chosen.items() if value}
    if order.ranks > 1 and layout.domain:
        spec |= {"hostname": names.pod_name(order.run_id), "subdomain": names.gang_name(order.run_id)}
    use = ShellUse.NONE if direct else needed_use(order.argv, order.ranks)
    said = {names.GRACE: f"{order.grace_s:g}", names.SHELL_USE: use.value}
    if not order.memory_mib:
        said[names.MEMORY_UNASKED] = "true"
    if conceals(order):
        said[names.SECRET] = "true"
    if order.ranks > 1:
        said[names.RANKS] = str(order.ranks)
    if table is not None:
        said[names.RANK_TABLE] = "true"
    return _document(order.run_id, order, layout, spec, said)


def image_of(order: RunOrder, layout: Layout) -> str:
    """What it starts in, by the name that no node takes for an id. Raises Unplaceable."""
    image = order.image or layout.image
    if not image:
        message = "This cluster runs jobs in containers and has no default image. Submit the job with an image."
        raise Unplaceable(Reason(code="no_image", message=message))
    reason = forbidden(order.image, layout.registries) if order.image else None
    if reason is not None:
        raise Unplaceable(reason)
    return image_name(image).full


def _login(order: RunOrder) -> tuple[str, ...]:
    """The Secret of its own that the pod's image is pulled with, if there is one."""
    return () if order.login is None else (login_name(names.pod_name(order.run_id)),)


def tombstone(order: RunOrder, layout: Layout) -> Document:
    """A pod that keeps the name and never starts: its scheduling is held up for ever.

    Of a quota it takes nothing but one of its `pods`.
    """
    spec: Document = {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": names.CONTAINER,
                "image": layout.image or "none",
                "resources": _NOTHING,
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
            "labels": {**layout.labels, **layout.fence.labels(rank_id)},
            "annotations": {
                **layout.annotations,
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


def _pinned(node: str, labels: Mapping[str, str]) -> Document:
    """To the node that the scheduler of the platform has chosen; Kubernetes' own still admits the pod there.

    `labels`: that it has to have still.
    """
    term: Document = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    if labels:
        term["matchExpressions"] = [
            {"key": key, "operator": "In", "values": [value]} for key, value in sorted(labels.items())
        ]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _resources(order: RunOrder, layout: Layout) -> Document:
    """What is asked for is the limit as well, so that no run takes what another one was promised.

    Processors may be left without: those that nobody uses are lost otherwise, and a run has its share all the same.
    Who asks for no memory has a limit and is promised none, so the node takes it from these runs first.
    """
    cpus = max(order.cpus, layout.share_of(order).cpus)
    memory_mib = layout.memory_of(order)
    asked = {"cpu": f"{round(cpus * 1000)}m"}
    if memory_mib:
        asked["memory"] = f"{memory_mib}Mi"
    resource = _resource(order, layout)
    if resource is not None:
        asked[resource] = str(len(order.devices))
    limits = {name: amount for name, amount in asked.items() if name != "cpu" or layout.limit_cpus}
    if not memory_mib and layout.memory_mib:
        asked["memory"], limits["memory"] = "0", f"{layout.memory_mib}Mi"
    if layout.disk_mib:
        asked["ephemeral-storage"], limits["ephemeral-storage"] = "0", f"{layout.disk_mib}Mi"
    return {"requests": asked, "limits": limits}


def _resource(order: RunOrder, layout: Layout) -> str | None:
    """What the cluster calls its devices; none without any. Raises Unplaceable."""
    if order.device_type == CPU or not order.devices:
        return None
    kind = layout.device_types.get(order.device_type)
    if kind is None:
        message = f"The operators have named no resource of the cluster for devices of type {order.device_type}."
        details: Facts = {"device_type": order.device_type}
        raise Unplaceable(Reason(code="devices_unknown", message=message, details=details))
    return kind.resource
