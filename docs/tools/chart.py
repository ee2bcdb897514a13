"""What the roles of the Helm chart grant, from the list that the executor's code is held to."""

from collections.abc import Iterable
from typing import Any

import yaml

from services.executor.backends.kubernetes import rights
from services.executor.backends.kubernetes.rights import Right

_HEAD = "# Written by `make docs` from services/executor/backends/kubernetes/rights.py; do not edit.\n"


def document() -> str:
    """Rules of ClusterRoles: without a namespace, to ask what runs use, to show to kubelets, where namespaces are made,
    and in those of virtual clusters.
    """
    rules: dict[str, Any] = {
        "cluster": rights.rules(rights.CLUSTER),
        "figures": {
            usage: {kubelets: rights.rules(_executors(each)) for kubelets, each in ways.items()}
            for usage, ways in rights.FIGURES.items()
        },
        "kubelets": {usage: rights.rules((right,)) for usage, right in rights.OF_KUBELETS.items()},
        "namespaces": rights.rules(rights.NAMESPACES),
        "namespaced": rights.rules(rights.NAMESPACED),
    }
    return _HEAD + str(yaml.safe_dump(rules, sort_keys=False, default_flow_style=None, width=120))


def _executors(figures: Iterable[Right]) -> list[Right]:
    """Without those that another account has in the chart, whose token is all that kubelets get to see."""
    return [right for right in figures if right not in rights.OF_KUBELETS.values()]
