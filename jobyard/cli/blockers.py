"""The jobs that have what another one waits for, in words for `jobyard get`: who, how much of it, and since when."""

from jobyard.cli.times import local
from jobyard.models import Blocker, Blocking, Job


def blockers(job: Job) -> list[tuple[str, str]]:
    """A line for each that is named, and one for all others."""
    if job.blockers is None:
        return []
    code = job.reason.code if job.reason else ""
    more = job.blockers.more
    rest = [f"{more} more {'job' if more == 1 else 'jobs'}"] if more else []
    return [("Waits for", text) for text in (*(_said(blocker, code) for blocker in job.blockers.jobs), *rest)]


def _said(blocker: Blocker, code: str) -> str:
    who = "a job of another VC" if blocker.id is None else f"{blocker.name} ({blocker.id}) of {blocker.owner}"
    amount = _amount(blocker, code)
    since = f" since {local(blocker.since)}" if blocker.since else ""
    match blocker.state:
        case Blocking.PROMISED:
            return f"{who}, which is ahead: {amount} are kept for it"
        case Blocking.LEAVES:
            return f"{who}, which is being stopped: it held {amount}{since}"
        case _:
            return f"{who}, which holds {amount}{since}"


def _amount(blocker: Blocker, code: str) -> str:
    """Of what is waited for: devices, if it has any; for whoever lacks cpus or memory, these."""
    if code == "waiting_for_memory":
        return f"{blocker.memory_mib} MiB"
    if code == "waiting_for_pods":
        return "a pod"
    if code == "waiting_for_cpus" or not blocker.devices:
        return f"{blocker.cpus:g} cpus"
    return f"{blocker.devices} {blocker.device_type}"
