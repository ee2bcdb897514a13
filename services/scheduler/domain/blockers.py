"""Which jobs have what a waiting one waits for, by name: found for one job at a time, when somebody looks at it.

They are told of as they are, jobs of every virtual cluster: what of them a person may see, the gateway decides. Those
on the nodes that come closest to having room are named, the others are counted.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

from services.scheduler.domain.node import Node
from services.scheduler.domain.reasons import DEVICES, GANG, MAKING_ROOM
from services.scheduler.domain.room import NOTHING, Holding, Room, need
from services.scheduler.domain.shape import Shape, shape_of
from services.scheduler.domain.snapshot import Snapshot
from shared.contracts.commands.scheduling import BLOCKERS_NAMED, Blocker, Blockers, Blocking, Explanation
from shared.contracts.job import JobStatus, JobView

TURN = "waiting_for_turn"
AMOUNTS = (DEVICES, "waiting_for_cpus", "waiting_for_memory", "waiting_for_pods")
"""Too little is free of one amount of a Room: the codes in the order of these."""


def with_blockers(snapshot: Snapshot, explanation: Explanation) -> Explanation:
    """The same explanation with the jobs that are in the way, if there are any."""
    found = _blockers(snapshot, snapshot.jobs[explanation.id], explanation.reason.code)
    return explanation.model_copy(update={"blockers": found}) if found.jobs else explanation


def _blockers(snapshot: Snapshot, view: JobView, code: str) -> Blockers:
    shape = shape_of(view)
    if code == TURN:
        return _ahead(snapshot, view, shape)
    leaving = _leaving(snapshot, view) if code in (MAKING_ROOM, GANG, *AMOUNTS) else []
    if leaving:
        return _told(snapshot, leaving)
    # What the ranks of a gang lack differs from node to node: of several amounts it is most often the first.
    amounts = range(len(AMOUNTS)) if code == GANG else [AMOUNTS.index(code)] if code in AMOUNTS else []
    found = (_told(snapshot, _holders(snapshot, shape, amount)) for amount in amounts)
    return next((blockers for blockers in found if blockers.jobs), Blockers(jobs=()))


def _ahead(snapshot: Snapshot, view: JobView, shape: Shape) -> Blockers:
    """The jobs ahead of it for whom the room is kept that it could have now."""
    waiting, nodes = snapshot.waiting, snapshot.nodes.table
    own = waiting.key(view.id)
    keys = (
        waiting.key(id)
        for id, promise in snapshot.promises.items()
        if id in waiting and any(name in nodes and nodes[name].fits_now(shape) for name, _ in promise.places)
    )
    ahead = [snapshot.jobs[id] for _, _, id in sorted(key for key in keys if key < own)]
    named = tuple(_blocker(job, Blocking.PROMISED, _whole(shape_of(job))) for job in ahead[:BLOCKERS_NAMED])
    return Blockers(jobs=named, more=len(ahead) - len(named))


def _leaving(snapshot: Snapshot, view: JobView) -> list[Holding]:
    """Who is being stopped for it; else who leaves a node where room is promised to it."""
    nodes = snapshot.nodes.table
    victims = snapshot.making_room.get(view.id)
    if victims:
        return [holding for id in victims for _, holding in snapshot.holdings(id)]
    promise = snapshot.promises.get(view.id)
    places = promise.places if promise is not None else ()
    known = (nodes[name] for name, _ in places if name in nodes)
    return [holding for node in known for holding in node.holdings.values() if holding.leaving]


def _whole(shape: Shape) -> Room:
    """What all ranks together need."""
    return Room(*(amount * shape.nodes for amount in need(shape)))


def _holders(snapshot: Snapshot, shape: Shape, amount: int) -> Iterator[Holding]:
    """Who holds some of what there is too little of, on the nodes that could take it otherwise."""
    room_of, has = itemgetter(amount), _HAS[amount]
    nodes = [node for node in snapshot.nodes.table.values() if _could_take(node, shape, amount)]
    nodes.sort(key=lambda node: (-room_of(node.later(shape.device_type)), node.name))
    for number, node in enumerate(nodes):
        those = [holding for holding in node.holdings.values() if has(holding, shape)]
        if number < BLOCKERS_NAMED:  # those behind are only counted, as each of these has somebody
            those.sort(key=lambda one: (not one.leaving, -room_of(one.room(one.device_type)), one.job))
        yield from those


_HAS: tuple[Callable[[Holding, Shape], bool], ...] = (
    lambda holding, shape: holding.device_type == shape.device_type and bool(holding.devices),
    lambda holding, _: holding.milli_cpus > 0,
    lambda holding, _: holding.memory_mib > 0,
    lambda holding, _: True,
)


def _could_take(node: Node, shape: Shape, amount: int) -> bool:
    """Whether it could take more ranks than now were it empty, and this amount is the first that one more lacks."""
    free, empty = node.room(shape.device_type), node.total(shape.device_type)
    ranks = free.ranks(shape) if node.accepting else 0
    if node.silent or ranks >= empty.ranks(shape):
        return False
    needed = need(shape, ranks + 1)
    lacks = not node.accepting or free[amount] < needed[amount]
    return lacks and all(free[before] >= needed[before] for before in range(amount))


def _told(snapshot: Snapshot, held: Iterable[Holding]) -> Blockers:
    """The first jobs of these, each once with all that it holds there, and how many others there are."""
    named: dict[str, Room] = {}
    leaving: set[str] = set()
    others: set[str] = set()
    for holding in held:
        id = holding.job
        if id not in named and len(named) == BLOCKERS_NAMED:
            others.add(id)
            continue
        named[id] = named.get(id, NOTHING).plus(holding.room(holding.device_type))
        if holding.leaving:
            leaving.add(id)
    return Blockers(
        jobs=tuple(
            _blocker(snapshot.jobs[id], Blocking.LEAVES if id in leaving else Blocking.HOLDS, room)
            for id, room in named.items()
        ),
        more=len(others),
    )


def _blocker(job: JobView, state: Blocking, room: Room) -> Blocker:
    started = job.state.status not in (JobStatus.QUEUED, JobStatus.SCHEDULING)
    return Blocker(
        id=job.id,
        name=job.name,
        owner=job.owner,
        vc=job.vc,
        state=state,
        device_type=job.device_type,
        devices=room.devices,
        cpus=room.milli_cpus / 1000,
        memory_mib=room.memory_mib,
        since=job.state.started_at if started else None,
    )
