"""Puts the log service together."""

from services.logs.files import Folder
from services.logs.handlers import SUBSCRIPTIONS, Handlers
from services.logs.progress import Progress
from services.logs.rings import Rings
from services.logs.settings import LogsSettings
from services.logs.snapshots import Snapshots
from services.logs.stream import LogStream
from shared.contracts.instruments import LOG_GAPS, LOG_LINES, LOG_LINES_LOST, LOG_MEMORY, LOG_UNREADABLE
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """The log service; it opens its folder when it is told where the stream begins."""
    settings = LogsSettings()
    folder = Folder(settings.folder or deps.settings.data / "logs")
    rings = Rings(folder, deps.clock, settings.memory_mib << 20)
    progress = Progress()
    stream = LogStream(deps.bus)
    snapshots = Snapshots(folder, rings, progress, stream, settings)
    handlers = Handlers(deps.bus, rings, progress, snapshots, stream, settings)
    deps.meter.watch(LOG_LINES, lambda: rings.lines)
    deps.meter.watch(LOG_LINES_LOST, lambda: rings.lost)
    deps.meter.watch(LOG_GAPS, lambda: rings.gaps)
    deps.meter.watch(LOG_UNREADABLE, lambda: handlers.unreadable)
    deps.meter.watch(LOG_MEMORY, lambda: rings.bytes)
    return Service(
        name="logs",
        handlers=handlers,
        subscriptions=SUBSCRIPTIONS,
        partitions=None if settings.partitions.all else settings.partitions.numbers,
        loops=(snapshots.run,),
        stop=snapshots.stop,
    )
