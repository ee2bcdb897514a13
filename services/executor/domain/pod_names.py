"""What is Jobyard's in a Kubernetes cluster is called: pods, namespaces and the keys of labels and annotations.

A pod's name says whose it is, so that creating it twice is refused by the API server itself; ids that labels can't
hold as they are (upper case, underscores) stand in annotations, and a label has a hash of them.
"""

import hashlib
import re

from services.executor.domain.record import rank_of

PREFIX = "jobyard.io/"
MANAGED_BY = "app.kubernetes.io/managed-by"
JOBYARD = "jobyard"

EXECUTOR = f"{PREFIX}executor"
"""Label: a hash of the executor whose pods these are."""
JOB = f"{PREFIX}job"
"""Label: the job's id in lower case."""
RANK = f"{PREFIX}rank"
"""Label."""
RUN = f"{PREFIX}run"
"""Annotation: the rank's id, the fence without which nothing is adopted or deleted."""
NODE = f"{PREFIX}executor-name"
"""Annotation: the executor as it calls itself."""
OWNER = f"{PREFIX}owner"
"""Annotation: the person."""
VC = f"{PREFIX}vc"
"""Annotation: the virtual cluster."""
MADE = f"{PREFIX}made"
"""Annotation of a namespace: what the executor that has made it knows it by."""
RANKS = f"{PREFIX}ranks"
"""Annotation: how many ranks the run has, where it has several."""
GRACE = f"{PREFIX}grace-period"
"""Annotation: seconds between SIGTERM and SIGKILL."""
MEMORY_UNASKED = f"{PREFIX}memory-unasked"
"""Annotation of a pod whose job asks for no memory, so that its limit is what operators have set."""
SECRET = f"{PREFIX}secret"
"""Annotation of a pod beside which there is a Secret of its name."""
RANK_TABLE = f"{PREFIX}rank-table"
"""Annotation of a pod that waits for its run's rank table, and of which the cluster says which NPUs it has."""
SHELL_USE = f"{PREFIX}shell"
"""Annotation: what the pod has a shell for (see `pod_shell`)."""
TOMBSTONE = f"{PREFIX}tombstone"
"""Annotation of a pod that only keeps a name, so that nothing starts under it."""
FINALIZER = f"{PREFIX}result-kept"
"""Keeps a pod until its result and its output are stored."""
CONTAINER = "job"
ANCHOR = "jobyard"
"""The ConfigMap of each namespace that owns all that Jobyard makes there."""

_LABEL_LENGTH = 63
_NODE_LENGTH = 63
_HASH_LENGTH = 10
_HASHED = re.compile(rf"-[0-9a-f]{{{_HASH_LENGTH}}}$")

_POD_NAME = re.compile(r"job-[0-9a-z]{26}-a[0-9]{1,9}-r[0-9]{1,9}")


def pod_name(rank_id: str) -> str:
    """`job-<id>-a<attempt>-r<rank>`."""
    run, rank = rank_of(rank_id)
    job, _, attempt = run.partition(".")
    return f"job-{job.lower()}-a{attempt}-r{rank}"


def is_pod_name(name: str) -> bool:
    """Whether a rank's pod can be called so."""
    return _POD_NAME.fullmatch(name) is not None


def gang_name(rank_id: str) -> str:
    """`job-<id>-a<attempt>`: what all ranks of a run share."""
    return pod_name(rank_of(rank_id)[0]).rpartition("-")[0]


def host_name(rank_id: str, namespace: str, domain: str) -> str:
    """Of a rank's pod in the cluster's DNS, where the run has a Service. `domain`: the cluster's."""
    return f"{pod_name(rank_id)}.{gang_name(rank_id)}.{namespace}.svc.{domain}"


def namespace(vc: str, prefix: str = "jobyard-") -> str:
    """Of a virtual cluster. Where its name is no DNS label, a hash tells it from others that would be called alike.

    A name that looks as if it had such a hash gets one too, so that nobody can choose another one's namespace.
    """
    plain = vc.lower().replace("_", "-").strip("-")
    name = f"{prefix}{plain}"
    if plain == vc and len(name) <= _LABEL_LENGTH and not _HASHED.search(vc):
        return name
    return f"{name[: _LABEL_LENGTH - _HASH_LENGTH - 1].rstrip('-')}-{short_hash(vc)}"


def node_token(name: str) -> str:
    """A node of the cluster as the platform calls it: no subject of NATS may have a point inside a token.

    Raises ValueError for one that is too long for the platform; a cluster allows 253 characters.
    """
    if len(name) > _NODE_LENGTH:
        raise ValueError(f"the platform's names of nodes have at most {_NODE_LENGTH} characters, this has {len(name)}")
    return name.replace(".", "_")


def node_name(token: str) -> str:
    """The other way: no node of a cluster has an underscore in its name."""
    return token.replace("_", ".")


def short_hash(text: str) -> str:
    """Ten hexadecimal digits, as labels and names of DNS can hold them."""
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
