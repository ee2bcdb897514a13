"""Why a node of a cluster gets no new runs, though the cluster hears of it: what its operators have said of it there.

The runs that are on it go on, and hold what they hold: who looks at the cluster sees them there, and this sentence.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from services.executor.domain.cluster_nodes import Kind, NodeFacts
from shared.contracts.job import Reason

TAINTS_NAMED = 3
_OF_CORDONS = "node.kubernetes.io/unschedulable"
"""The taint that the cluster itself gives to a node that is cordoned."""


def why_closed(node: NodeFacts, kinds: Iterable[Kind]) -> Reason | None:
    """None: it is open to runs, if only to those with some of its devices."""
    if node.is_open(kinds):
        return None
    taints = [_named(taint) for taint in node.keeps_out if taint.get("key") != _OF_CORDONS]
    why = ["is cordoned"] if node.cordoned else []
    if taints:
        which = ", ".join(taints[:TAINTS_NAMED]) + (", ..." if len(taints) > TAINTS_NAMED else "")
        why.append(f"has {'a taint' if len(taints) == 1 else 'taints'} that runs do not tolerate ({which})")
    return Reason(
        code="node_cordoned" if node.cordoned else "node_tainted",
        message=f"It {' and '.join(why)}: nothing new is started there until an operator of the cluster opens it.",
        details={"taints": list(taints[:TAINTS_NAMED])},
    )


def _named(taint: Mapping[str, Any]) -> str:
    """As `kubectl` writes it: `key=value:Effect`."""
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint.get('key', '')}{value}:{taint.get('effect', '')}"
