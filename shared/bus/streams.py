"""The streams and the bucket, declared here and nowhere else: a second declaration would reset their settings.

Only the jobs service declares them, and only where something is missing or different; the others wait until it has.
"""

from dataclasses import fields

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, BucketNotFoundError, NotFoundError

from shared.contracts import subjects
from shared.contracts.cluster import HISTORY_DAYS
from shared.contracts.errors import TemporaryError
from shared.contracts.metrics import SAMPLES_KEPT
from shared.settings import PlatformSettings

DAY_S = 86_400
CLUSTER_BYTES = 64 << 20
"""A sample of ten virtual clusters takes 1 KiB, so a week of them 20 MiB; the oldest go first."""
NODE_TTL_S = 30
"""A node that has not reported for so long is silent."""


def declared(settings: PlatformSettings) -> tuple[StreamConfig, ...]:
    """Every stream, as it should be."""
    return (
        StreamConfig(
            name=subjects.EVENTS,
            num_replicas=settings.nats_replicas,
            subjects=["evt.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_age=7 * DAY_S,
            max_bytes=settings.events_max_bytes,
            max_msg_size=512 * 1024,
            duplicate_window=600,
            deny_delete=True,
            deny_purge=True,
            allow_direct=True,
        ),
        StreamConfig(
            name=subjects.LOGS,
            num_replicas=settings.nats_replicas,
            subjects=["log.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=7 * DAY_S,
            max_bytes=settings.logs_max_bytes,
            duplicate_window=120,
            deny_delete=True,
            deny_purge=True,
            allow_direct=True,
            allow_msg_ttl=True,  # what unfinished lines show, which nobody wants for long
        ),
        StreamConfig(
            name=subjects.METRICS,
            num_replicas=settings.nats_replicas,
            subjects=[subjects.SAMPLES],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=7 * DAY_S,
            max_bytes=settings.metrics_max_bytes,
            max_msgs_per_subject=SAMPLES_KEPT,
            max_msg_size=64 * 1024,
            duplicate_window=120,
            deny_delete=True,
            deny_purge=True,
            allow_direct=True,
        ),
        StreamConfig(
            name=subjects.CLUSTER,
            num_replicas=settings.nats_replicas,
            subjects=[subjects.CLUSTER_SAMPLES],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=HISTORY_DAYS * DAY_S,
            max_bytes=CLUSTER_BYTES,
            max_msg_size=128 * 1024,
            duplicate_window=120,
            deny_delete=True,
            deny_purge=True,
            allow_direct=True,
        ),
        StreamConfig(
            name=subjects.DEADLETTERS,
            num_replicas=settings.nats_replicas,
            subjects=["dead.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=30 * DAY_S,
            max_bytes=256 << 20,
            duplicate_window=600,
            allow_direct=True,
        ),
    )


NAMES = (subjects.EVENTS, subjects.LOGS, subjects.METRICS, subjects.CLUSTER, subjects.DEADLETTERS)
"""Of every stream."""


class StreamsMissing(TemporaryError):
    """The jobs service has not made the streams yet."""


async def require(js: JetStreamContext) -> None:
    """Raises StreamsMissing while there is not all that `bootstrap` makes."""
    for name in (*NAMES, f"KV_{subjects.NODES}"):
        try:
            await js.stream_info(name)
        except NotFoundError:
            raise StreamsMissing(f"The stream {name} is missing; the jobs service makes it when it starts.") from None


async def bootstrap(js: JetStreamContext, settings: PlatformSettings) -> None:
    """Create what is missing and bring what is there up to date."""
    for config in declared(settings):
        assert config.name is not None
        try:
            there = (await js.stream_info(config.name)).config
        except NotFoundError:
            await _create(js, config)
        else:
            if not _is_so(config, there):
                await js.update_stream(config)
    try:
        await js.key_value(subjects.NODES)
    except (BucketNotFoundError, NotFoundError):
        await js.create_key_value(
            KeyValueConfig(
                bucket=subjects.NODES, ttl=NODE_TTL_S, storage=StorageType.MEMORY, replicas=settings.nats_replicas
            )
        )


async def _create(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.add_stream(config)
    except BadRequestError:  # another service was first, perhaps an older one
        await js.update_stream(config)


def _is_so(wanted: StreamConfig, there: StreamConfig) -> bool:
    """Whether the stream has all that is declared; what is not declared is the server's own."""
    said = ((getattr(wanted, field.name), getattr(there, field.name)) for field in fields(StreamConfig))
    return all(declared == actual for declared, actual in said if declared is not None)
