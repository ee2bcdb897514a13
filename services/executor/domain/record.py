"""The durable record of a run: created exclusively before anything is spawned, so that no attempt starts twice."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.executor.domain.admission import Claim, claims_of
from services.executor.domain.observation import NODE_RESTARTED, Cancelled, Lost, Observation, Waiting
from shared.contracts.base import Contract, Timestamp, UserName
from shared.contracts.job import JobView, Reason, Share

_RANK_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\.[1-9][0-9]{0,8}(-[1-9][0-9]{0,8})?")

Kind = Literal["run", "stopped", "refused", "lost"]


@dataclass(frozen=True)
class Member:
    """One rank of a run, as those need to know it who look after ranks."""

    id: str
    """The rank's own, see `rank_id`."""
    job_id: str
    attempt: int
    rank: int
    vc: str
    owner: UserName | None
    device_type: str
    devices: tuple[int, ...]
    reports_beside: str | None = None
    """The job's folder, if it reports to a file there."""


class RunRecord(Contract):
    """One attempt of a job, with all its ranks. It never changes; what became of them stands in the backend's files.

    `kind` is `run`, or a tombstone: `stopped` before it ever came here, `refused`, or `lost` when the platform knew of
    a run that this node does not. `cpus` and `memory_mib` are each rank's. `busy` and `own` say of a refusal
    what `Refused` says.
    """

    id: str
    version: int = 1
    kind: Kind = "run"
    job_id: str
    attempt: int
    vc: str
    owner: UserName | None = None
    shares: tuple[Share, ...]
    boot_id: str
    device_type: str
    cpus: float
    memory_mib: int
    first_seq: int
    port: int = 0
    """Where its ranks meet: written down, so that a rank that is launched later is told the same."""
    checkpoint_path: str | None = None
    reports_beside: str | None = None
    """The job's folder, where its ranks report to files there; none: to this node's own."""
    created_at: Timestamp
    correlation_id: str | None = None
    busy: bool = False
    own: bool = False
    reason: Reason | None = None

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the run takes of its nodes while it lives."""
        return claims_of(self.device_type, self.shares, self.cpus, self.memory_mib)

    @property
    def ranks(self) -> tuple[str, ...]:
        """The names of its ranks, in their order."""
        return tuple(rank_id(self.id, share.rank) for share in self.shares)

    @property
    def members(self) -> tuple[Member, ...]:
        """Its ranks, in their order."""
        who = (self.vc, self.owner, self.device_type)
        beside = self.reports_beside
        return tuple(
            Member(rank_id(self.id, share.rank), self.job_id, self.attempt, share.rank, *who, share.devices, beside)
            for share in self.shares
        )


def record_of(
    view: JobView,
    shares: tuple[Share, ...],
    kind: Kind,
    boot_id: str,
    now: datetime,
    correlation_id: str | None = None,
    **decided: Any,
) -> RunRecord:
    """Of the job's current attempt. `decided`: what else there is to be written down."""
    return RunRecord(
        id=run_id(view.id, view.state.attempt),
        kind=kind,
        job_id=view.id,
        attempt=view.state.attempt,
        vc=view.vc,
        owner=view.owner,
        shares=shares,
        boot_id=boot_id,
        device_type=view.device_type,
        cpus=view.cpus,
        memory_mib=view.memory_mib,
        first_seq=view.state.log_lines + 1,
        created_at=now,
        correlation_id=correlation_id,
        **decided,
    )


def run_id(job_id: str, attempt: int) -> str:
    """The run's name everywhere."""
    return f"{job_id}.{attempt}"


def rank_id(run_id: str, rank: int) -> str:
    """The name of one rank of a run, by which a backend knows it and its files are called: rank 0 has the run's own."""
    return run_id if rank == 0 else f"{run_id}-{rank}"


def rank_of(rank_id: str) -> tuple[str, int]:
    """The run and the rank in it that have this name."""
    run_id, _, rank = rank_id.partition("-")
    return run_id, int(rank or 0)


def is_rank_id(text: str) -> bool:
    """Whether it is well-formed: what names it may have been written by anybody."""
    return _RANK_ID.fullmatch(text) is not None


def judged(record: RunRecord, seen: Observation, boot_id: str) -> Observation:
    """What a backend saw of a rank, in the light of the record: what did not start before the machine restarted never
    will. Its start mark may have been lost with the machine's power, so nobody can know.
    """
    if record.kind == "stopped":
        return Cancelled(int(record.created_at.timestamp() * 1_000_000_000))
    if record.kind == "lost" and record.reason is not None:
        return Lost(record.reason)
    if isinstance(seen, Waiting) and record.boot_id != boot_id:
        return Lost(NODE_RESTARTED)
    return seen
