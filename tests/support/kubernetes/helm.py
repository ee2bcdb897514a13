"""Helm, and the chart of this repository, for tests."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.kubernetes.programs import program
from tests.support.platform import CHECKOUT

CHART = CHECKOUT / "deploy" / "helm" / "jobyard"
MONITORING = ("monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule")
"""Kinds that a cluster has where the Prometheus operator is."""

Document = dict[str, Any]
Values = Mapping[str, Any]

NEEDED: Values = {
    "nats": {"servers": ["nats:4222"], "secret": "jobyard-nats"},
    "mongo": {"secret": "jobyard-mongo"},
    "secretKey": {"secret": "jobyard-keys"},
    "admin": {"secret": "jobyard-admin"},
    "storage": {"claim": "jobyard"},
}
"""What has no default."""


class HelmError(Exception):
    """What Helm has said."""


def helm(*arguments: str | Path, values: Values | None = None, kubeconfig: Path | None = None) -> str:
    """Its standard output. Raises HelmError."""
    with tempfile.TemporaryDirectory(prefix="jobyard-helm-") as folder:
        home = {f"HELM_{kind}_HOME": folder for kind in ("CACHE", "CONFIG", "DATA")}
        command = [program("helm"), *arguments]
        if values is not None:
            file = Path(folder) / "values.yaml"
            file.write_text(yaml.safe_dump(merged({}, values)))
            command += ["--values", file]
        environment = os.environ | home | {"KUBECONFIG": str(kubeconfig or Path(folder) / "none")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HelmError(f"{done.stdout}{done.stderr}")
    return done.stdout


def rendered(values: Values | None = None, *arguments: str, namespace: str = "yard") -> list[Document]:
    """The manifests of a release `jobyard` with what is needed, these values, and these options of Helm."""
    given = merged(NEEDED, values or {})
    text = helm("template", "jobyard", CHART, "--namespace", namespace, *arguments, values=given)
    return [document for document in yaml.safe_load_all(text) if document]


def merged(under: Values, over: Values) -> dict[str, Any]:
    """As Helm puts one set of values over another."""
    both = dict(under)
    for name, value in over.items():
        mapped = isinstance(value, Mapping) and isinstance(both.get(name), Mapping)
        both[name] = merged(both[name], value) if mapped else dict(value) if isinstance(value, Mapping) else value
    return both
