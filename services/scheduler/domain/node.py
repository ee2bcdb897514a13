"""A node as the scheduler sees it: what it has, who holds what of it, and what is being given back."""

from services.scheduler.domain.rests import Rests
from services.scheduler.domain.room import NOTHING, UNBOUNDED, Holding, Room
from services.scheduler.domain.shape import Shape, milli
from shared.contracts.events import NodeReported, NodeSize
from shared.contracts.job import CPU


class Node:
    """Inventory, holdings and rests of one node.

    `free` lists the free indices of each device type, lowest first, and `free_devices` counts them all: never more than
    the node has besides those that are held, whose indices may lie beyond what is left to jobs where others hold the
    rest. `holders` counts the jobs that hold some of a type, each where its rank 0 is; `preemptible` counts the ranks
    that may be told to leave, `leaving` those that are.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.report: NodeReported | None = None
        self.silent = True
        self.rests = Rests()
        self.holdings: dict[tuple[str, int], Holding] = {}
        self.free: dict[str, list[int]] = {}
        self.free_devices = 0
        self.free_milli_cpus = 0
        self.free_memory_mib = 0
        self.preemptible = 0
        self.leaving = 0
        self.holders: dict[str, int] = {}
        self._held: dict[str, dict[int, int]] = {}
        self._brief: dict[str, int] = {}
        self._resting: dict[str, int] = {}
        self._leaving_devices: dict[str, int] = {}
        self._leaving_rest = NOTHING

    # --- what fits

    @property
    def executor(self) -> str:
        """Who answers for what runs here: all ranks of a job have the same one."""
        return self.report.answerer if self.report is not None else self.name

    @property
    def inventory(self) -> NodeReported | NodeSize | None:
        """What jobs hold some of or may: of a node that is closed all that it has, though it gives nothing out."""
        report = self.report
        return report if report is None or report.closed is None else report.whole or report

    @property
    def accepting(self) -> bool:
        """Whether anything may be placed here now."""
        return not self.silent and self.report is not None and not self.rests.closed

    @property
    def free_pods(self) -> int:
        """How many more ranks may come, whatever they take."""
        bound = _pods(self.report)
        return bound if bound == UNBOUNDED else bound - len(self.holdings)

    def reachable(self, shape: Shape) -> bool:
        """Whether anything may be promised here to a job of this shape."""
        known = not self.silent and self.report is not None and self.rests.reliable
        return known and self.takes(shape.device_type)

    def takes(self, device_type: str) -> bool:
        """Whether jobs of this device type may be here at all."""
        return device_type != CPU or self.report is None or not self.report.devices_only

    def fits_now(self, shape: Shape) -> bool:
        """Whether one rank finds enough free room: the quick question of a scan over all nodes."""
        return (
            len(self.free.get(shape.device_type, ())) >= shape.devices
            and self.free_milli_cpus >= shape.milli_cpus
            and (not shape.memory_mib or self.free_memory_mib >= shape.memory_mib)
            and self.accepting
            and self.takes(shape.device_type)
            and self.free_pods > 0
        )

    def fits_later(self, shape: Shape) -> bool:
        """Whether it does when those who are leaving have left."""
        if not self.leaving and not self.rests:
            return self.fits_now(shape)
        return self.reachable(shape) and self.later(shape.device_type).fits(shape)

    def total(self, device_type: str) -> Room:
        """What the node has for runs, taken or not."""
        return self._of(None if self.report is None or self.report.closed else self.report, device_type)

    def whole(self, device_type: str) -> Room:
        """What it would have if it were open and nobody but runs used it."""
        return self._of(None if self.report is None else self.report.whole or self.report, device_type)

    def room(self, device_type: str) -> Room:
        """What is free now."""
        if not self.takes(device_type):
            return NOTHING
        return Room(len(self.free.get(device_type, ())), self.free_milli_cpus, self.free_memory_mib, self.free_pods)

    def resting(self, device_type: str) -> int:
        """How many devices nobody holds that are left alone for a time."""
        return self._resting.get(device_type, 0)

    def being_left(self, device_type: str) -> Room:
        """What comes back when those who are leaving have left."""
        if not self.takes(device_type):
            return NOTHING
        return self._leaving_rest._replace(devices=self._leaving_devices.get(device_type, 0))

    def later(self, device_type: str) -> Room:
        """What is free then, with the short rests over."""
        rested = Room(self._brief.get(device_type, 0), 0, 0)
        return self.room(device_type).plus(self.being_left(device_type)).plus(rested)

    # --- what changes

    def describe(self, report: NodeReported) -> bool:
        """Take a new report; True if it changes what fits here."""
        before = self.report
        self.report = report
        if before is not None and before.model_copy(update={"reported_at": report.reported_at}) == report:
            return False
        self.recount()
        return True

    def hold(self, holding: Holding) -> None:
        self.holdings[holding.job, holding.rank] = holding
        held = self._held.setdefault(holding.device_type, {})
        for index in holding.devices:
            held[index] = held.get(index, 0) + 1
        self._count(holding, 1)

    def release(self, holding: Holding) -> None:
        del self.holdings[holding.job, holding.rank]
        held = self._held[holding.device_type]
        for index in holding.devices:
            held[index] -= 1
            if not held[index]:
                del held[index]
        self._count(holding, -1)

    def recount(self) -> None:
        """Count what is free anew, after a report or a change of the rests."""
        cpus, memory_mib = (self.report.cpus, self.report.memory_mib) if self.report is not None else (0.0, 0)
        self.free_milli_cpus = milli(cpus) - sum(holding.milli_cpus for holding in self.holdings.values())
        self.free_memory_mib = memory_mib - sum(holding.memory_mib for holding in self.holdings.values())
        self.free.clear()
        self._brief.clear()
        self._resting.clear()
        self.free_devices = 0
        for device_type in self.report.devices if self.report is not None else ():
            self._list_free(device_type)

    def _count(self, holding: Holding, sign: int) -> None:
        device_type = holding.device_type
        self.free_milli_cpus -= sign * holding.milli_cpus
        self.free_memory_mib -= sign * holding.memory_mib
        if holding.devices:
            self._list_free(device_type)
        if not holding.rank:
            self.holders[device_type] = self.holders.get(device_type, 0) + sign
        self.preemptible += sign * (holding.preemptible and not holding.leaving)
        if holding.leaving:
            self.leaving += sign
            rest = holding.room(CPU)
            self._leaving_rest = self._leaving_rest.plus(rest) if sign > 0 else self._leaving_rest.minus(rest)
            devices = self._leaving_devices
            devices[device_type] = devices.get(device_type, 0) + sign * len(holding.devices)

    def _list_free(self, device_type: str) -> None:
        held = self._held.get(device_type, ())
        total = self.report.devices.get(device_type, 0) if self.report is not None else 0
        idle = [index for index in range(total) if index not in held][: max(total - len(held), 0)]
        self.free_devices -= len(self.free.get(device_type, ()))
        if self.rests:
            self._brief[device_type] = self.rests.brief(device_type, idle)
            awake = [index for index in idle if (device_type, index) not in self.rests]
            self._resting[device_type] = len(idle) - len(awake)
            idle = awake
        self.free_devices += len(idle)
        self.free[device_type] = idle

    def _of(self, has: NodeReported | NodeSize | None, device_type: str) -> Room:
        """What jobs of this device type could have of it."""
        if has is None or not self.takes(device_type):
            return NOTHING
        return Room(has.devices.get(device_type, 0), milli(has.cpus), has.memory_mib, _pods(has))


def _pods(has: NodeReported | NodeSize | None) -> int:
    return UNBOUNDED if has is None or has.pods is None else has.pods
