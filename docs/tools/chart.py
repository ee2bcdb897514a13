"""What the roles of the Helm chart grant, from the list that the executor's code is held to."""

from typing import Any

import yaml

from services.executor.backends.kubernetes import rights

_HEAD = "# Written by `make docs` from services/executor/backends/kubernetes/rights.py; do not edit.\n"


def document() -> str:
    """Rules of ClusterRoles: without a namespace, to ask what runs use, where namespaces are made, and in those of
    virtual clusters.
    """
    rules: dict[str, Any] = {
        "cluster": rights.rules(rights.CLUSTER),
        "figures": {
            usage: {kubelets: rights.rules(each) for kubelets, each in ways.items()}
            for usage, ways in rights.FIGURES.items()
        },
        "namespaces": rights.rules(rights.NAMESPACES),
        "namespaced": rights.rules(rights.NAMESPACED),
    }
    return _HEAD + str(yaml.safe_dump(rules, sort_keys=False, default_flow_style=None, width=120))
