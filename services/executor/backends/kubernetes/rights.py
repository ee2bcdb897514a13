"""What the backend may do in its cluster: the one list that the Helm chart's roles and the tests are held to.

Least first: nothing stands here that no call of this backend asks for, and no call asks for anything else. Whatever
calls the API server in a new way adds its line here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_POLICIES = "networking.k8s.io"


@dataclass(frozen=True)
class Right:
    """Verbs on a resource, as RBAC counts them. `group`: of the API, none for the core one."""

    resource: str
    verbs: tuple[str, ...]
    why: str
    group: str = ""


CLUSTER = (
    Right("nodes", ("list", "watch"), "what there is for runs"),
    Right("pods", ("list", "watch"), "runs of all namespaces, and what others hold of the nodes"),
    Right("networkpolicies", ("list",), "those of ours, wherever runs were", _POLICIES),
    Right("resourcequotas", ("list",), "likewise"),
    Right("services", ("list",), "likewise"),
)
"""Asked for without a namespace: they need a ClusterRole, and a ClusterRoleBinding."""

OF_KUBELETS: Mapping[str, Right] = {
    "summary": Right("nodes/stats", ("get",), "asked for by kubelets: what runs use, in their summary"),
    "cadvisor": Right("nodes/metrics", ("get",), "asked for by kubelets: what runs use, in cAdvisor's"),
}
"""What a kubelet wants to see of whoever asks it: the executor, or the account of `kubelet_token_file` in its place."""

_PLACE = Right("nodes", ("get",), "where a node's kubelet is asked")
_PROXIED = (Right("nodes/proxy", ("get",), "kubelets, through the API server"),)
FIGURES: Mapping[str, Mapping[str, tuple[Right, ...]]] = {
    "summary": {
        "direct": (_PLACE, OF_KUBELETS["summary"]),
        "proxied": _PROXIED,
    },
    "cadvisor": {
        "direct": (_PLACE, OF_KUBELETS["cadvisor"]),
        "proxied": _PROXIED,
    },
    "prometheus": {"direct": (), "proxied": ()},
    "none": {"direct": (), "proxied": ()},
}
"""Beside `CLUSTER`, by the settings `usage` and `kubelets`: to ask those that say what runs use."""

NAMESPACES = (Right("namespaces", ("create", "get", "patch"), "one for each virtual cluster, and its level"),)
"""Beside them, and only where namespaces are made by Jobyard (`create_namespaces`)."""

NAMESPACED = (
    Right("networkpolicies", ("create", "delete", "patch"), "who may speak with runs", _POLICIES),
    Right("resourcequotas", ("create", "delete", "patch"), "what the settings give a virtual cluster at most"),
    Right("services", ("create", "delete", "patch"), "names for ranks, with `domain` only"),
    Right("configmaps", ("create", "get"), "the owner of all that Jobyard makes in the namespace"),
    Right("events", ("list",), "whether a pod that waits has its image pulled"),
    Right("pods", ("create", "delete", "get", "patch"), "a pod per rank; its finalizer is patched away"),
    Right("pods/exec", ("create", "get"), "shells; a websocket is a GET, and counts as `create` from 1.35 on"),
    Right("pods/log", ("get",), "the output"),
    Right("pods/portforward", ("create", "get"), "ways to ports"),
    Right("secrets", ("create", "delete", "get", "patch"), "what is to be masked, and variables that hold it"),
)
"""In each virtual cluster's namespace: a RoleBinding there, or a ClusterRoleBinding where Jobyard makes namespaces."""


def rules(rights: Iterable[Right]) -> list[Mapping[str, Any]]:
    """As `rules` of a Role or ClusterRole."""
    return [{"apiGroups": [each.group], "resources": [each.resource], "verbs": list(each.verbs)} for each in rights]
