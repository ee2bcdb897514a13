"""The streams and the bucket, declared here and nowhere else: a second declaration would reset their settings."""

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, BucketNotFoundError, NotFoundError

from shared.contracts import subjects
from shared.settings import PlatformSettings

DAY_S = 86_400
NODE_TTL_S = 30
"""A node that has not reported for so long is silent."""


def declared(settings: PlatformSettings) -> tuple[StreamConfig, ...]:
    """Every stream, as it should be."""
    return (
        StreamConfig(
            name=subjects.EVENTS,
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
        ),
        StreamConfig(
            name=subjects.DEADLETTERS,
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


async def bootstrap(js: JetStreamContext, settings: PlatformSettings) -> None:
    """Create what is missing and bring what is there up to date."""
    for config in declared(settings):
        try:
            await js.add_stream(config)
        except BadRequestError:
            await js.update_stream(config)
    try:
        await js.key_value(subjects.NODES)
    except (BucketNotFoundError, NotFoundError):
        await js.create_key_value(KeyValueConfig(bucket=subjects.NODES, ttl=NODE_TTL_S, storage=StorageType.MEMORY))
