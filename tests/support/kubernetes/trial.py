"""What the real API server says to manifests in a dry run, and the kinds of the Prometheus operator for it to know."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import httpx

from tests.support.waiting import wait_until

Document = dict[str, Any]
GROUP, VERSION = "monitoring.coreos.com", "v1"
_TEXT, _TRUTH = {"type": "string"}, {"type": "boolean"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}


def _object(**fields: Any) -> Document:
    return {"type": "object", "properties": fields}


def _list(of: Document) -> Document:
    return {"type": "array", "items": of}


_KEY = _object(name=_TEXT, key=_TEXT)
_RELABELLING = _object(targetLabel=_TEXT, replacement=_TEXT)
_ENDPOINT = _object(
    port=_TEXT,
    interval=_TEXT,
    authorization=_object(type=_TEXT, credentials=_KEY),
    relabelings=_list(_RELABELLING),
)
_RULE = _object(
    alert=_TEXT, record=_TEXT, expr=_TEXT, keep_firing_for=_TEXT, labels=_TEXTS, annotations=_TEXTS, **{"for": _TEXT}
)
SPECS = {
    "ServiceMonitor": _object(selector=_object(matchLabels=_TEXTS), endpoints=_list(_ENDPOINT)),
    "PrometheusRule": _object(groups=_list(_object(name=_TEXT, interval=_TEXT, rules=_list(_RULE)))),
}
"""Of the operator's kinds the fields that a chart may use, as the operator has them; any other is refused."""


def refusals(api: httpx.Client, documents: Iterable[Document]) -> list[str]:
    """What the API server says to those that it would not take, in a dry run in which unknown fields are errors."""
    found = []
    for document in documents:
        query = {"dryRun": "All", "fieldValidation": "Strict", "fieldManager": "tests", "force": "true"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        answer = api.patch(_path(api, document), params=query, json=document, headers=headers)
        if answer.status_code >= 400:
            found.append(f"{document['kind']} {document['metadata']['name']}: {answer.json().get('message')}")
    return found


def know_the_operator(api: httpx.Client) -> None:
    """Return when the API server serves the Prometheus operator's kinds."""
    for kind, spec in SPECS.items():
        answer = api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=_definition(kind, spec))
        assert answer.status_code in (201, 409), answer.text
    served = f"/apis/{GROUP}/{VERSION}/"
    for kind in SPECS:
        wait_until(lambda kind=kind: api.get(served + _plural(kind)).status_code == 200, f"{kind} is served")  # type: ignore[misc]


def forget_the_operator(api: httpx.Client) -> None:
    for kind in SPECS:
        api.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{_plural(kind)}.{GROUP}")


def _definition(kind: str, spec: Document) -> Document:
    names = {"kind": kind, "listKind": f"{kind}List", "plural": _plural(kind), "singular": kind.lower()}
    version = {"name": VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": _object(spec=spec)}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{_plural(kind)}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _plural(kind: str) -> str:
    return f"{kind.lower()}s"


def _path(api: httpx.Client, document: Document) -> str:
    version = document["apiVersion"]
    root = f"/api/{version}" if version == "v1" else f"/apis/{version}"
    plural, namespaced = _resources(api, root)[document["kind"]]
    inside = f"/namespaces/{document['metadata']['namespace']}" if namespaced else ""
    return f"{root}{inside}/{plural}/{document['metadata']['name']}"


@cache
def _resources(api: httpx.Client, root: str) -> dict[str, tuple[str, bool]]:
    """By kind: the name in paths, and whether it lies in a namespace."""
    found = api.get(root).raise_for_status().json()["resources"]
    return {each["kind"]: (each["name"], each["namespaced"]) for each in found if "/" not in each["name"]}
