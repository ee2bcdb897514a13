"""Answers as the gateway gives them, for tests of the client."""

import json
from typing import Any

from tests.support.scripted_server import Answer

JOB_ID = "01KC0000000000000000000001"
OTHER_ID = "01KC0000000000000000000002"


def job(**fields: Any) -> dict[str, Any]:
    """A job as the API answers it."""
    return {
        "id": JOB_ID,
        "name": "hello",
        "command": "echo hi",
        "owner": "admin",
        "vc": "default",
        "image": None,
        "env": {},
        "data_path": None,
        "work_path": None,
        "job_path": None,
        "checkpoint_path": None,
        "device_type": "cpu",
        "devices": 0,
        "nodes": 1,
        "devices_total": 0,
        "cpus": 1.0,
        "memory_mib": 0,
        "preemptible": False,
        "priority": 100,
        "max_duration_s": None,
        "grace_period_s": 30,
        "retries": 0,
        "labels": {},
        "endpoints": [],
        "interactive_ports": [],
        "status": "queued",
        "reason": None,
        "submitted_at": "2026-11-23T23:12:50.123Z",
        "started_at": None,
        "finished_at": None,
        "exit_code": None,
        "attempt": 0,
        "version": 1,
        "actions": ["pause", "kill"],
        **fields,
    }


def finished(**fields: Any) -> dict[str, Any]:
    """The same job, over after 2.5 s."""
    over = {"status": "finished", "exit_code": 0, "attempt": 1, "version": 4, "actions": []}
    times = {"started_at": "2026-11-23T23:12:51.000Z", "finished_at": "2026-11-23T23:12:53.500Z"}
    return job(**{**over, **times, **fields})


def page(*jobs: dict[str, Any], total: int | None = None, cursor: str | None = None) -> Answer:
    count = len(jobs) if total is None else total
    return Answer(body={"items": jobs, "total": count, "total_is": "exact", "next_cursor": cursor})


def token(value: str = "fresh") -> Answer:
    return Answer(body={"access_token": value, "token_type": "bearer", "expires_in": 43200})


def line(seq: int, text: str, **fields: Any) -> dict[str, Any]:
    common = {"time": "2026-11-23T23:12:50.123Z", "stream": "stdout", "rank": 0, "attempt": 1}
    return {"seq": seq, "text": text, **common, **fields}


def lines_event(
    *lines: dict[str, Any],
    position: int | None = None,
    gaps: tuple[dict[str, int], ...] = (),
    unfinished: tuple[dict[str, Any], ...] | None = None,
) -> bytes:
    """A server-sent event of a console; without a position it has no id."""
    data = json.dumps({"lines": lines, "gaps": gaps, "unfinished": unfinished}, ensure_ascii=False)
    head = f"id: {position}\n" if position is not None else ""
    return f"{head}event: lines\ndata: {data}\n\n".encode()


END = b"event: end\ndata: {}\n\n"


def job_event(version: int, fact: str, status: str, **state: Any) -> dict[str, Any]:
    """A CloudEvent of the job."""
    view = {key: job()[key] for key in ("id", "name", "owner", "vc", "device_type", "devices", "nodes", "cpus")}
    view |= {key: job()[key] for key in ("memory_mib", "preemptible", "max_duration_s", "grace_period_s", "labels")}
    full = {"status": status, "priority": 100, "attempt": 1, **state}
    return {
        "specversion": "1.0",
        "id": f"{JOB_ID}:{version}",
        "type": f"io.jobyard.job.{fact}.v1",
        "source": "/jobs",
        "subject": JOB_ID,
        "time": "2026-11-23T23:12:50.123Z",
        "datacontenttype": "application/json",
        "jobversion": version,
        "data": {
            "job": {**view, "submitted_at": "2026-11-23T23:12:50.123Z", "version": version, "state": full},
            "actor": {"kind": "user", "name": "admin"},
        },
    }


def feed_event(event: dict[str, Any], position: int) -> bytes:
    return f"id: {position}\ndata: {json.dumps(event)}\n\n".encode()


def series(
    name: str, *points: tuple[float, float], unit: str = "", kind: str = "usage", **labels: str
) -> dict[str, Any]:
    """One line of a graph."""
    return {"name": name, "kind": kind, "unit": unit, "labels": {"rank": "0", **labels}, "points": points}


def usage(**fields: Any) -> dict[str, Any]:
    """What a job has used in all."""
    return {"job_id": JOB_ID, "runs": 1, "seconds": 2.5, **fields}


def metrics(*lines: dict[str, Any], **fields: Any) -> Answer:
    """A job's METRICS over 10 minutes, which begin at 1,000,000 s."""
    common = {"start": "1970-01-12T13:46:40.000Z", "end": "1970-01-12T13:56:40.000Z", "step": 5.0}
    return Answer(body={"series": lines, "source": "ring", **common, "simulated": False, "summary": None, **fields})
