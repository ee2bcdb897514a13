"""The durable record of a run: created exclusively before anything is spawned, so that no attempt starts twice."""

from typing import Literal

from services.executor.domain.admission import Claim
from services.executor.domain.observation import NODE_RESTARTED, Cancelled, Lost, Observation, Waiting
from shared.contracts.base import Contract, Timestamp, UserName
from shared.contracts.job import Reason

Kind = Literal["run", "stopped", "refused", "lost"]


class RunRecord(Contract):
    """One attempt of a job on this node. It never changes; what became of the run stands in the backend's files.

    `kind` is `run`, or a tombstone: `stopped` before it ever came here, `refused`, or `lost` when the platform knew of
    a run that this node does not.
    """

    id: str
    version: int = 1
    kind: Kind = "run"
    job_id: str
    attempt: int
    vc: str
    owner: UserName | None = None
    rank: int = 0
    boot_id: str
    device_type: str
    devices: tuple[int, ...] = ()
    cpus: float
    memory_mib: int
    first_seq: int
    checkpoint_path: str | None = None
    created_at: Timestamp
    correlation_id: str | None = None
    busy: bool = False
    reason: Reason | None = None

    @property
    def claim(self) -> Claim:
        """What the run takes of the node while it lives."""
        return Claim(self.device_type, self.devices, self.cpus, self.memory_mib)


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


def judged(record: RunRecord, seen: Observation, boot_id: str) -> Observation:
    """What a backend saw, in the light of the record: what did not start before the machine restarted never will.

    Its start mark may have been lost with the machine's power, so nobody can know.
    """
    if record.kind == "stopped":
        return Cancelled(int(record.created_at.timestamp() * 1_000_000_000))
    if record.kind == "lost" and record.reason is not None:
        return Lost(record.reason)
    if isinstance(seen, Waiting) and record.boot_id != boot_id:
        return Lost(NODE_RESTARTED)
    return seen
