"""What stands around runs' pods, as documents: what bounds a namespace, and what the ranks of a run share.

Each is labelled with the executor that keeps it, and says of which virtual cluster it is, whose namespace an executor
knows: so two executors in one cluster never undo one another's work, also where both have one name and each its own
prefix of namespaces. Policies and quotas of both count. What belongs to a run names it.
"""

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.layout import Layout
from services.executor.domain import pod_names as names
from services.executor.domain.cluster_quotas import bounds, hard
from services.executor.domain.network_policies import closed, together
from services.executor.domain.record import rank_of

POLICIES = "/apis/networking.k8s.io/v1", "networkpolicies"
QUOTAS = "/api/v1", "resourcequotas"
SERVICES = "/api/v1", "services"
KINDS = {"NetworkPolicy": POLICIES, "ResourceQuota": QUOTAS, "Service": SERVICES}
"""By kind: where the API server has it."""


def of_namespace(namespace: str, vc: str, layout: Layout, owner: Document) -> list[Document]:
    """Before the first pod comes."""
    meta = _metadata(name_in_namespace(layout), namespace, vc, layout, owner)
    made: list[Document] = []
    if layout.openings is not None:
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        made.append({**policy, "metadata": meta, "spec": closed(layout.openings)})
    bounds = hard(layout.quotas[vc], layout.device_types) if vc in layout.quotas else {}
    if bounds:
        made.append({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": bounds}})
    return made


def of_gang(rank_id: str, namespace: str, vc: str, layout: Layout, owner: Document) -> list[Document]:
    """Of the run that has this rank and others."""
    run, _ = rank_of(rank_id)
    ranks = {
        names.EXECUTOR: names.short_hash(layout.executor),
        names.JOB: run.partition(".")[0].lower(),
    }
    meta = _metadata(names.gang_name(run), namespace, vc, layout, owner)
    meta["labels"] |= ranks
    meta["annotations"][names.RUN] = run
    made: list[Document] = []
    if layout.openings is not None:
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        made.append({**policy, "metadata": meta, "spec": together(ranks)})
    if layout.domain:
        spec = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": ranks}
        made.append({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    return made


def name_in_namespace(layout: Layout) -> str:
    """Of what this executor keeps in each namespace."""
    return f"jobyard-{names.short_hash(layout.executor)}"


def path_of(document: Document) -> str:
    """Where the API server has it."""
    group, kind = KINDS[document["kind"]]
    meta = document["metadata"]
    return f"{group}/namespaces/{meta['namespace']}/{kind}/{meta['name']}"


def is_as_wanted(there: Document, wanted: Document) -> bool:
    """Whether nothing has to be made or put right."""
    spec = there.get("spec") or {}
    if wanted["kind"] == "ResourceQuota":
        return bounds(spec.get("hard") or {}, wanted["spec"]["hard"])
    return holds(spec, wanted["spec"])


def holds(there: object, wanted: object) -> bool:
    """Whether all that is wanted is there; what the API server has added beside it does not matter."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(holds(there.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not wanted and there is None:  # the API server leaves out what is empty
            return True
        return (
            isinstance(there, list)
            and len(there) == len(wanted)
            and all(holds(one, other) for one, other in zip(there, wanted, strict=True))
        )
    return there == wanted


def _metadata(name: str, namespace: str, vc: str, layout: Layout, owner: Document) -> Document:
    return {
        "name": name,
        "namespace": namespace,
        "labels": {names.MANAGED_BY: names.JOBYARD, names.EXECUTOR: names.short_hash(layout.executor)},
        "annotations": {names.VC: vc, names.NODE: layout.executor},
        "ownerReferences": [owner],
    }
