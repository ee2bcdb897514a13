"""What the executor says of its runs: an observation as the event that other services read."""

from datetime import UTC, datetime
from typing import Any

from services.executor.domain.observation import Cancelled, Ended, Lost, Observation, Refused, Started
from services.executor.domain.record import RunRecord
from shared.contracts.events import RunEvent, RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.metrics import RunUsage


def started_event(record: RunRecord, node: str, seen: Started, uses_images: bool | None = None) -> RunStarted:
    """The run lives."""
    started_at = moment(seen.started_ns)
    return RunStarted(**_who(record, node), started_at=started_at, pid=seen.pid, uses_images=uses_images)


def result_event(
    record: RunRecord,
    node: str,
    seen: Observation,
    log_lines: int,
    checkpoint_at: datetime | None = None,
    usage: RunUsage | None = None,
) -> RunEvent | None:
    """How the run ended, or why it never began; none while it lives."""
    who = _who(record, node)
    if record.kind == "refused" and record.reason is not None:
        return RunRefused(**who, busy=record.busy, reason=record.reason)
    if isinstance(seen, Refused):
        return RunRefused(**who, busy=seen.busy, reason=seen.reason)
    if isinstance(seen, Cancelled):
        return RunStopped(**who, ended_at=moment(seen.at_ns))
    if isinstance(seen, Lost):
        return RunLost(**who, reason=seen.reason, log_lines=log_lines, usage=usage)
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
    return RunStopped(**who, **how, forced=seen.forced) if seen.stopped else RunExited(**who, **how)


def moment(time_ns: int) -> datetime:
    """Nanoseconds since 1970 as a moment in whole milliseconds."""
    return datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC)


def _who(record: RunRecord, node: str) -> dict[str, Any]:
    return {"job_id": record.job_id, "vc": record.vc, "attempt": record.attempt, "node": node}
