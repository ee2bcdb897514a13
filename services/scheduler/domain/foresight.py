"""What a submission would meet, before it is stored: only what lasts, or is not as it was asked for.

That devices are held, or others stand before it, is what a queue is for, and may be over by the time it is submitted.
"""

from services.scheduler.domain.beyond import beyond
from services.scheduler.domain.reasons import Reasons
from services.scheduler.domain.shape import Shape, milli
from services.scheduler.domain.snapshot import Snapshot
from shared.contracts.commands.submission import SIMULATED_DEVICES, Foresee, Foresight
from shared.contracts.job import Reason

LASTING = frozenset({"no_nodes", "no_such_device", "no_node_fits", "gang_too_large", "node_silent", "nodes_closed"})


def foresee(snapshot: Snapshot, reasons: Reasons, ask: Foresee) -> Foresight:
    """Reasons in sentences, none for a submission that just takes its turn."""
    shape = Shape(ask.device_type, ask.devices, ask.nodes, milli(ask.cpus), ask.memory_mib)
    cause = reasons.cause(shape)
    warnings = []
    if cause.code in LASTING:
        warnings.append(Reason(code=cause.code, message=cause.message, details=cause.details))
    reports = [node.report for node in snapshot.nodes.table.values() if node.report is not None]
    if ask.image is not None and reports and all(report.uses_images is False for report in reports):
        warnings.append(_image_not_used(ask.image))
    offers = [report for report in reports if ask.device_type in report.devices]
    if ask.devices and offers and all(ask.device_type in report.simulated for report in offers):
        warnings.append(_simulated(ask.device_type))
    return Foresight(warnings=tuple(warnings), beyond=beyond(snapshot.nodes, shape))


def _image_not_used(image: str) -> Reason:
    return Reason(
        code="image_not_used",
        message=f"Every node runs jobs on the host itself (the process backend): the image {image} is not used.",
        details={"image": image},
    )


def _simulated(device_type: str) -> Reason:
    return Reason(
        code=SIMULATED_DEVICES,
        message=f"Every {device_type} here is simulated: it is counted and given out, but does not exist.",
        details={"device_type": device_type},
    )
