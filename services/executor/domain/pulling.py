"""What a run waits for that is to start: how far its image has come, or what keeps its pod, as one sentence.

An engine tells of layers as it meets them, and of their sizes as they arrive. So totals grow at first; nothing is said
of bytes until the size of every layer that is not there is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services.executor.domain.record import RunRecord
from shared.contracts.base import in_words
from shared.contracts.events import Facts
from shared.contracts.job import Reason

CODE = "pulling_image"
WAITS = "pod_waits"
MOST_LAYERS = 512
"""An image has at most 127 layers; what claims more is not counted."""
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


@dataclass(frozen=True)
class Pull:
    """`layers` 0: only that it is being pulled is known. `size` 0: not known yet."""

    image: str
    since_ns: int
    layers: int = 0
    layers_there: int = 0
    size: int = 0
    arrived: int = 0


@dataclass(frozen=True)
class Held:
    """Its node cannot make what it lives in, tries again, and says why: a volume, for instance, that does not come."""

    said: str


@dataclass
class _Layer:
    size: int = 0
    arrived: int = 0
    told: int = 0
    """Bytes that have arrived, also of a layer whose size nobody has said."""
    loaded: bool = False
    """All of it has arrived; of a small one the size may never have been said."""
    there: bool = False
    kept: bool = False
    """It was on the node before."""

    def take(self, status: object, line: Mapping[str, Any]) -> bool:
        """Whether more of it is there than before; who unpacks it is no registry, and takes its time."""
        loaded, there, told = self.loaded, self.there, self.told
        if status == "Downloading":
            detail = line.get("progressDetail") or {}
            self.size = _whole(detail.get("total")) or self.size
            self.told = _whole(detail.get("current"))
            self.arrived = min(self.told, self.size)
        elif status in ("Verifying Checksum", "Download complete", "Extracting"):
            self.arrived, self.loaded = self.size, True
        elif status == "Pull complete":
            self.arrived, self.loaded, self.there = self.size, True, True
        return self.told > told or (self.loaded, self.there) != (loaded, there) or status == "Extracting"


@dataclass
class Progress:
    """One pull, by what Docker's engine writes of it."""

    image: str
    since_ns: int
    _layers: dict[str, _Layer] = field(default_factory=dict)

    def take(self, line: Mapping[str, Any]) -> bool:
        """One line of the stream, and whether the image has come nearer: what is not of a layer changes nothing.

        An engine says again and again that it waits for a layer, or that it is about to try once more.
        """
        status, id = line.get("status"), line.get("id")
        if not isinstance(id, str):
            return False
        layer = self._layers.get(id)
        if status == "Pulling fs layer" or status == "Already exists":
            if len(self._layers) < MOST_LAYERS:
                self._layers[id] = _Layer(there=status == "Already exists", kept=status == "Already exists")
            return layer is None
        return layer is not None and layer.take(status, line)

    @property
    def pull(self) -> Pull:
        """As far as it has come."""
        layers = list(self._layers.values())
        wanted = [layer for layer in layers if not layer.kept]
        known = all(layer.size or layer.loaded for layer in wanted)
        return Pull(
            self.image,
            self.since_ns,
            layers=len(layers),
            layers_there=sum(layer.there for layer in layers),
            size=sum(layer.size for layer in wanted) if known else 0,
            arrived=sum(layer.arrived for layer in wanted) if known else 0,
        )


def pulling(pull: Pull, node: str) -> Reason:
    """What a job's reason says while its image is on its way."""
    since = datetime.fromtimestamp(pull.since_ns // 1_000_000_000, UTC)
    details: Facts = {"image": pull.image, "node": node, "since": in_words(since)}
    message = f"Node {node} is pulling the image {pull.image}"
    if not pull.layers:
        return Reason(code=CODE, message=f"{message} since {in_words(since)}.", details=details)
    details |= {"layers": pull.layers, "layers_there": pull.layers_there}
    message += f": {pull.layers_there} of {pull.layers} layers"
    if pull.size:
        amount = amount_of(pull.arrived, pull.size)
        details |= {"bytes": pull.size, "bytes_there": pull.arrived, "amount": amount}
        message += f", {amount}"
    return Reason(code=CODE, message=f"{message}.", details=details)


def held(trouble: Held, node: str) -> Reason:
    """What a job's reason says while a node has such trouble with it."""
    message = f"Node {node} cannot start the run yet, and tries again: {trouble.said}"
    return Reason(code=WAITS, message=message, details={"node": node, "said": trouble.said})


def waiting_of(record: RunRecord, found: Mapping[str, Pull | Held]) -> Reason | None:
    """Of a run: what the rank of it waits for that has come least far. None: no rank is known to wait."""
    nodes = {share.rank: share.node for share in record.shares}
    pulls: list[tuple[Pull, str]] = []
    for member in record.members:
        one = found.get(member.id)
        if isinstance(one, Held):
            return held(one, nodes[member.rank])
        if one is not None:
            pulls.append((one, nodes[member.rank]))
    if not pulls:
        return None
    return pulling(*min(pulls, key=lambda pull: (pull[0].layers_there, pull[0].arrived)))


def amount_of(arrived: int, size: int) -> str:
    """`1.2 of 4.0 GiB`, in the unit of the whole."""
    unit, name = next(((unit, name) for unit, name in _UNITS if size >= unit), (1, "bytes"))
    if unit == 1:
        return f"{arrived} of {size} bytes"
    return f"{arrived / unit:.1f} of {size / unit:.1f} {name}"


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
