"""What the roles of the Helm chart grant, from the list that the executor's code is held to."""

from typing import Any

import yaml

from services.executor.backends.kubernetes import rights

_HEAD = "# Written by `make docs` from services/executor/backends/kubernetes/rights.py; do not edit.\n"


def document() -> str:
    """Rules of roles: without a namespace, where namespaces are made, in those, and by who says what runs use."""
    lists = {"cluster": rights.CLUSTER, "namespaces": rights.NAMESPACES, "namespaced": rights.NAMESPACED}
    rules: dict[str, Any] = {name: list(rights.rules(each)) for name, each in lists.items()}
    rules["usage"] = {name: list(rights.rules(each)) for name, each in rights.USAGE.items()}
    return _HEAD + str(yaml.safe_dump(rules, sort_keys=False, default_flow_style=None, width=120))
