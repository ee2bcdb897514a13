"""Whether a submission asks for more than any node has: then it could never start, and is not taken.

Only what nobody can give counts. A node that is closed, silent, or used by others is measured by what it has when it
is not; while one is known whose size is not, or none is known at all, nothing is beyond. Nor is a kind of device that
no node has yet: the sizes of machines seldom change, but which ones there are does.
"""

from services.scheduler.domain.cause import amounts, needs
from services.scheduler.domain.figures import largest
from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.room import NOTHING
from services.scheduler.domain.shape import Shape, cpus_text
from shared.contracts.job import CPU, Reason

BEYOND = "beyond_any_node"


def beyond(nodes: Nodes, shape: Shape) -> Reason | None:
    """Why one rank of this shape fits on no node, however empty; none if it may."""
    sizes = [node.whole(shape.device_type) for node in nodes.table.values() if node.report is not None]
    if len(sizes) < len(nodes.table) or any(size.fits(shape) for size in sizes):
        return None
    suited = [size for size in sizes if size.devices > 0 or (shape.device_type == CPU and size != NOTHING)]
    if not suited:
        return None
    most = largest(suited)
    has = f"{most.devices} {shape.device_type}, " if shape.device_type != CPU else ""
    words = "is that large" if not most.fits(shape) else "has all of that"
    return Reason(
        code=BEYOND,
        message=f"Asks for {shape} on one node, and no node {words}, even with nothing else on it; the most there is "
        f"on one is {has}{cpus_text(most.milli_cpus)} and {most.memory_mib} MiB. Ask for less on each node.",
        details={"needs": needs(shape), "largest": amounts(most)},
    )
