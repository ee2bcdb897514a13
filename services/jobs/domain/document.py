"""The job document: the request, the present state, and the whole history, which is also the outbox."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts import subjects
from shared.contracts.base import Contract, JobId, NodeName, Timestamp, TraceparentIfAny, UserName, Version
from shared.contracts.events import JOB_EVENTS, AnyCloudEvent, Facts, JobEvent, JobScheduled, Receipt, RunOver
from shared.contracts.idempotency import Idempotency
from shared.contracts.job import (
    PATH_LENGTH,
    TERMINAL,
    Actor,
    Job,
    JobRequest,
    JobState,
    JobStatus,
    JobView,
    LaunchSpec,
    RunImage,
)
from shared.contracts.metrics import RunUsage


class HistoryEntry(Contract):
    """One change: what happened, when, by whom, why, and the state that it led to. Its version names its event."""

    version: Version
    fact: str
    time: Timestamp
    actor: Actor
    cause: str | None
    state: JobState
    facts: Facts
    traceparent: TraceparentIfAny = None


class JobHead(Contract):
    """A job without its history: all that lists need, and a fifth of what there is to read."""

    id: JobId
    version: Version
    owner: UserName
    request: JobRequest
    submitted_at: Timestamp
    over: bool
    executor: NodeName | None = None
    """Who answers for what it holds; all its ranks have the same one."""
    run_image: RunImage | None = None
    state: JobState


class JobDocument(JobHead):
    """Everything the platform knows of one job. `state` is that of the last entry."""

    history: tuple[HistoryEntry, ...]
    correlation_id: str | None = None
    idempotency: Idempotency | None = None

    @property
    def status(self) -> JobStatus:
        return self.state.status


@dataclass(frozen=True)
class Step:
    """One event and the state after it; a decision is one or more of them."""

    event: type[JobEvent]
    state: JobState
    facts: Facts


def append(document: JobDocument, steps: list[Step], actor: Actor, cause: str | None, now: datetime) -> JobDocument:
    """The document after these steps: one history entry and one version for each."""
    entries = tuple(
        HistoryEntry.of(
            version=document.version + number,
            fact=step.event.fact,
            time=now,
            actor=actor,
            cause=cause,
            state=step.state,
            facts=step.facts,
            traceparent=None,
        )
        for number, step in enumerate(steps, start=1)
    )
    state = steps[-1].state
    return document.model_copy(
        update={
            "version": document.version + len(steps),
            "state": state,
            "over": state.status in TERMINAL,
            "executor": state.allocation.answerer if state.allocation is not None else None,
            "history": document.history + entries,
        }
    )


def traced(document: JobDocument, since: int, traceparent: str | None) -> JobDocument:
    """The document whose changes after the version `since` name the step of a trace that made them."""
    if traceparent is None:
        return document
    entries = tuple(
        entry.model_copy(update={"traceparent": traceparent}) if entry.version > since else entry
        for entry in document.history
    )
    return document.model_copy(update={"history": entries})


def view_of(document: JobHead, version: int, state: JobState) -> JobView:
    """The job as the platform saw it at one version."""
    request = document.request
    return JobView.of(
        id=document.id,
        name=request.name,
        owner=document.owner,
        vc=request.vc,
        device_type=request.device_type,
        devices=request.devices,
        nodes=request.nodes,
        cpus=request.cpus,
        memory_mib=request.memory_mib,
        preemptible=request.preemptible,
        max_duration_s=request.max_duration_s,
        grace_period_s=request.grace_period_s,
        labels=request.labels,
        submitted_at=document.submitted_at,
        version=version,
        state=state,
        notifies=bool(request.notify),
        endpoints=request.endpoints,
        interactive_ports=request.interactive_ports,
    )


def current_view(document: JobHead) -> JobView:
    return view_of(document, document.version, document.state)


def launch_of(document: JobHead) -> LaunchSpec:
    """What an executor needs to start the command."""
    request, run_image = document.request, document.run_image
    return LaunchSpec.of(
        command=request.command,
        image=request.image if run_image is None else run_image.reference,
        env=request.env,
        data_path=request.data_path,
        work_path=request.work_path,
        job_path=job_path(request, document.id),
        checkpoint_path=checkpoint_path(request, document.id),
        secrets=request.secrets,
        login=None if run_image is None else run_image.login,
    )


def job_of(document: JobHead, *, placed: bool = False) -> Job:
    """The whole job, as its owner sees it; `placed`: with the places of its ranks, which lists have no room for."""
    request, state = document.request, document.state
    checkpoints = checkpoint_path(request, document.id)
    fields: dict[str, Any] = {
        **vars(request),
        "priority": state.priority,
        "id": document.id,
        "owner": document.owner,
        "job_path": job_path(request, document.id),
        "checkpoint_path": checkpoints if len(checkpoints) <= PATH_LENGTH else None,  # one too long for the contract
        "devices_total": request.devices * request.nodes,
        "status": state.status,
        "reason": state.reason,
        "submitted_at": document.submitted_at,
        "started_at": state.started_at,
        "finished_at": state.finished_at,
        "exit_code": state.exit_code,
        "attempt": state.attempt,
        "version": document.version,
        "placement": state.allocation.shares if placed and state.allocation is not None else None,
        "run_image": document.run_image,
    }
    return Job.of(**fields)


def job_path(request: JobRequest, id: str) -> str:
    """A job's own folder; by default one under the storage."""
    return request.job_path or f"jobs/{id}"


def checkpoint_path(request: JobRequest, id: str) -> str:
    """Where a job's checkpoints go."""
    return request.checkpoint_path or f"{job_path(request, id)}/checkpoints"


def events_after(document: JobDocument, version: int) -> list[tuple[str, AnyCloudEvent]]:
    """The events of all later versions with their subjects, in order: what the outbox publishes."""
    return [event_of(document, entry) for entry in document.history if entry.version > version]


def event_of(document: JobDocument, entry: HistoryEntry) -> tuple[str, AnyCloudEvent]:
    """One history entry as the event that it is, always the same bytes for the same entry."""
    event = JOB_EVENTS[entry.fact]
    data: dict[str, Any] = {
        "job": view_of(document, entry.version, entry.state),
        "actor": entry.actor,
        **entry.facts,
    }
    if "receipt" in data:
        data["receipt"] = Receipt.model_validate(data["receipt"], strict=False)
    if issubclass(event, RunOver):
        data |= _attempt_of(entry.facts)
    if event is JobScheduled:
        data["launch"] = launch_of(document)
    envelope = AnyCloudEvent.of(
        specversion="1.0",
        id=f"{document.id}:{entry.version}",
        type=f"io.jobyard.job.{entry.fact}.v1",
        source="/jobs",
        subject=document.id,
        time=entry.time,
        datacontenttype="application/json",
        jobversion=entry.version,
        correlationid=document.correlation_id,
        causationid=entry.cause,
        traceparent=entry.traceparent,
        data=event.of(**data),
    )
    return subjects.job_event(entry.fact, document.request.vc, document.id), envelope


def _attempt_of(facts: Facts) -> dict[str, Any]:
    """What is told of the attempt that an event ended, each field as its own type again."""
    usage, lost_since = facts.get("usage"), facts.get("lost_since")
    return {
        "usage": None if usage is None else RunUsage.model_validate(usage, strict=False),
        "lost_since": datetime.fromisoformat(lost_since) if isinstance(lost_since, str) else None,
    }
