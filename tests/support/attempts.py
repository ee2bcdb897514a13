"""Attempts that are over, as the metrics service counts them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.metrics.domain.attempt import Attempt
from shared.contracts.metrics import RunUsage
from tests.support.documents import JOB_ID

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def attempt(hours: float = 1.0, begin: datetime = NOON, usage: dict[str, Any] | None = None, **fields: Any) -> Attempt:
    """So long, by default at noon, of a job of ada's that holds one cpu and was not measured."""
    usage_ = RunUsage(seconds=hours * 3600, **(usage or {}))
    known = {
        "job_id": JOB_ID,
        "number": 1,
        "vc": "default",
        "owner": "ada",
        "device_type": "cpu",
        "devices": 0,
        "cpus": 1.0,
        "started_at": begin,
        "ended_at": begin + timedelta(hours=hours),
        "usage": usage_,
    }
    return Attempt(**{**known, **fields})


def on_gpus(hours: float = 1.0, devices: int = 4, **more: Any) -> Attempt:
    return attempt(hours, **{"device_type": "v100", "devices": devices, **more})
