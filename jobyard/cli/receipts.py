"""Receipts: what an attempt used, and what its end has cost, in words for `jobyard events` and `jobyard get`."""

from jobyard.cli.times import duration, local, precise
from jobyard.models import JobEvent, Receipt


def spent(event: JobEvent) -> str:
    """How long the attempt ran that ended here, and since when its work is lost if it failed; else nothing."""
    usage, since = event.data.usage, event.data.lost_since
    if usage is None:
        return ""
    used = f", {duration(usage.cpu_seconds)} of processor time" if usage.cpu_seconds is not None else ""
    ran = f"Ran {duration(usage.seconds)}{used}."
    if since is None or event.data.receipt is not None:  # which says the same
        return ran
    began = event.data.job.state.started_at
    return f"{ran} Lost: its work since {'its start' if since == began else precise(since)}."


def cost(event: JobEvent) -> str:
    """What a stop has cost, in a sentence; nothing for other events, and where nothing ran."""
    receipt = event.data.receipt
    if receipt is None or receipt.stopped_at is None:
        return ""
    return f"Lost: {_lost(receipt)}."


def stop(event: JobEvent) -> str:
    """The same with when it was, who it was and why."""
    receipt = event.data.receipt
    if receipt is None or receipt.stopped_at is None:
        return ""
    return f"{local(receipt.stopped_at)} by {receipt.by.name} ({receipt.rule}): {receipt.why} Lost: {_lost(receipt)}"


def _lost(receipt: Receipt) -> str:
    """`12.5 device-minutes since its checkpoint of 23:12:50.123`."""
    at = receipt.checkpoint_at
    kept = at is not None and receipt.lost_since is not None and at >= receipt.lost_since
    since = f"its checkpoint of {precise(at)}" if at is not None and kept else "its start"
    return f"{receipt.minutes_lost:.3g} {receipt.unit}-minutes since {since}"
