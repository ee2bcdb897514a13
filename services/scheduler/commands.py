"""A plan as commands that fit in messages."""

from collections.abc import Iterator

from services.scheduler.domain.plan import Plan
from services.scheduler.domain.snapshot import Snapshot
from shared.contracts.commands.scheduling import Place, Placement, Preemption
from shared.contracts.job import JobView

_ITEM_BYTES = 1_200
"""A view or a decision without what varies: labels, ranks and devices."""
_RANK_BYTES = 200


def commands_of(decided: Plan, snapshot: Snapshot, epoch: int, most_bytes: int) -> Iterator[Place]:
    """The decisions in order, split so that no command and no answer takes more than about `most_bytes`."""
    placements: list[Placement] = []
    preemptions: list[Preemption] = []
    size = 0
    decisions: tuple[Placement | Preemption, ...] = (*decided.preemptions, *decided.placements)
    for decision in decisions:
        takes = _bytes(decision, snapshot.jobs[decision.id])
        if size and size + takes > most_bytes:
            yield Place(epoch=epoch, placements=tuple(placements), preemptions=tuple(preemptions))
            placements, preemptions, size = [], [], 0
        size += takes
        if isinstance(decision, Placement):
            placements.append(decision)
        else:
            preemptions.append(decision)
    if size:
        yield Place(epoch=epoch, placements=tuple(placements), preemptions=tuple(preemptions))


def _bytes(decision: Placement | Preemption, view: JobView) -> int:
    """The reason of a preemption tells of another job, in the command and once more in the answer."""
    labels = sum(len(key) + len(value) + 8 for key, value in view.labels.items())
    reason = 2 * len(decision.reason.model_dump_json()) if isinstance(decision, Preemption) else 0
    return _ITEM_BYTES + labels + view.nodes * (_RANK_BYTES + 8 * view.devices) + reason
