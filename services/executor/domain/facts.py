"""What the executor says of its runs: an observation as the event that other services read."""

from datetime import UTC, datetime
from typing import Any

from services.executor.domain.observation import Cancelled, Ended, Lost, Observation, Refused, Started
from services.executor.domain.record import RunRecord
from shared.contracts.events import RunEvent, RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import Reason
from shared.contracts.metrics import RunUsage


def started_event(record: RunRecord, seen: Started, uses_images: bool | None = None) -> RunStarted:
    """The run lives, all of it."""
    started_at = moment(seen.started_ns)
    return RunStarted(**_who(record), started_at=started_at, pid=seen.pid, uses_images=uses_images)


def result_event(
    record: RunRecord,
    seen: Observation,
    log_lines: int,
    checkpoint_at: datetime | None = None,
    usage: RunUsage | None = None,
    decided_by: int | None = None,
) -> RunEvent | None:
    """How the run ended, or why it never began; none while it lives. `decided_by`: the rank that is the reason."""
    who = _who(record, decided_by)
    if record.kind == "refused" and record.reason is not None:
        return RunRefused(**who, busy=record.busy, own=record.own, reason=record.reason)
    if isinstance(seen, Refused):
        reason = _of_rank(record, seen.reason, decided_by)
        return RunRefused(**who, busy=seen.busy, own=seen.own, reason=reason, log_lines=log_lines)
    if isinstance(seen, Cancelled):
        return RunStopped(**who, ended_at=moment(seen.at_ns))
    if isinstance(seen, Lost):
        return RunLost(**who, reason=_of_rank(record, seen.reason, decided_by), log_lines=log_lines, usage=usage)
    if not isinstance(seen, Ended):
        return None
    how: dict[str, Any] = {
        "started_at": moment(seen.started_ns),
        "ended_at": moment(seen.ended_ns),
        "exit_code": seen.exit_code,
        "signal": seen.signal,
        "log_lines": log_lines,
        "checkpoint_at": checkpoint_at,
        "usage": usage,
    }
    return RunStopped(**who, **how, forced=seen.forced) if seen.stopped else RunExited(**who, **how, rank=decided_by)


def moment(time_ns: int) -> datetime:
    """Nanoseconds since 1970 as a moment in whole milliseconds."""
    return datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC)


def _who(record: RunRecord, rank: int | None = None) -> dict[str, Any]:
    """The node is that of the rank that is spoken of, else of the first."""
    return {"job_id": record.job_id, "vc": record.vc, "attempt": record.attempt, "node": _node(record, rank or 0)}


def _of_rank(record: RunRecord, reason: Reason, rank: int | None) -> Reason:
    """What was said of one rank of several names it."""
    if rank is None:
        return reason
    node = _node(record, rank)
    message = f"Rank {rank} on node {node}: {reason.message}"
    return Reason(code=reason.code, message=message, details={**reason.details, "rank": rank, "node": node})


def _node(record: RunRecord, rank: int) -> str:
    return next(share.node for share in record.shares if share.rank == rank)
