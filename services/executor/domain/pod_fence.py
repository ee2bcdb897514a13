"""Whose a pod is: without all of this nothing is adopted, watched, released or deleted.

Labels are what a list is selected by, and anybody may write them. So a pod is a run's only if it stands in the
namespace of the virtual cluster that it names, belongs to the ConfigMap there, and says of itself, well-formed and
without contradiction, which rank of which run it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.executor.domain import pod_names as names
from services.executor.domain.record import is_rank_id, rank_of

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?(e[+-]?[0-9]{1,2})?")


class Foreign(Exception):
    """What has a name of Jobyard's in the cluster is not Jobyard's: in words, what it lacks."""


@dataclass(frozen=True)
class Fence:
    """Of one executor. `namespaces`: what the names of its namespaces begin with."""

    executor: str
    namespaces: str

    def rank_of(self, pod: Mapping[str, Any]) -> str:
        """The id of the rank whose pod it is. Raises Foreign."""
        meta = pod["metadata"]
        said: Mapping[str, str] = meta.get("annotations") or {}
        rank_id = said.get(names.RUN, "")
        if not is_rank_id(rank_id):
            raise Foreign("its annotation of the run is missing or malformed")
        if said.get(names.NODE) != self.executor:
            raise Foreign("its annotation names another executor")
        if not said.get(names.OWNER) or not said.get(names.VC):
            raise Foreign("its annotations of the owner and the virtual cluster are missing")
        if names.GRACE in said and not _SECONDS.fullmatch(said[names.GRACE]):
            raise Foreign("its annotation of the grace period is malformed")
        if meta["namespace"] != names.namespace(said[names.VC], self.namespaces):
            raise Foreign("it is not in the namespace of the virtual cluster that it names")
        if meta["name"] != names.pod_name(rank_id):
            raise Foreign("it has another name than the run's pod")
        labels = meta.get("labels") or {}
        if any(labels.get(key) != value for key, value in self.labels(rank_id).items()):
            raise Foreign("its labels are not those of the run")
        if not any(_is_anchor(owner) for owner in meta.get("ownerReferences") or ()):
            raise Foreign("it does not belong to the namespace's ConfigMap")
        return rank_id

    def labels(self, rank_id: str) -> dict[str, str]:
        """Of the rank's pod."""
        run_id, rank = rank_of(rank_id)
        return {
            names.MANAGED_BY: names.JOBYARD,
            names.EXECUTOR: names.short_hash(self.executor),
            names.JOB: run_id.partition(".")[0].lower(),
            names.RANK: str(rank),
        }

    def holds(self, pod: Mapping[str, Any]) -> bool:
        """Whether it is a pod of this executor."""
        try:
            self.rank_of(pod)
        except Foreign:
            return False
        return True


def _is_anchor(owner: Mapping[str, Any]) -> bool:
    return (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) == ("v1", "ConfigMap", names.ANCHOR)
