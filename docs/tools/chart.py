"""What the roles of the Helm chart grant, from the list that the executor's code is held to."""

import yaml

from services.executor.backends.kubernetes import rights

_HEAD = "# Written by `make docs` from services/executor/backends/kubernetes/rights.py; do not edit.\n"


def document() -> str:
    """Rules of ClusterRoles: without a namespace, where namespaces are made, and in those of virtual clusters."""
    lists = {"cluster": rights.CLUSTER, "namespaces": rights.NAMESPACES, "namespaced": rights.NAMESPACED}
    rules = {name: list(rights.rules(each)) for name, each in lists.items()}
    return _HEAD + str(yaml.safe_dump(rules, sort_keys=False, default_flow_style=None, width=120))
