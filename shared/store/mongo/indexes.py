"""Making the indexes that the schemas declare, each time a store is opened; those of other versions are left."""

from typing import Any

import structlog
from motor.motor_asyncio import AsyncIOMotorCollection
from pymongo import IndexModel
from pymongo.errors import OperationFailure

from shared.store.mongo import layout
from shared.store.port import IndexDiffers, Schema

log = structlog.get_logger()

_INDEX_DIFFERS = (85, 86)  # IndexOptionsConflict, IndexKeySpecsConflict
_PLAIN = {"v", "key", "ns", "background"}  # what the server says of an index without options


async def declare(rows: AsyncIOMotorCollection[dict[str, Any]], schema: Schema[Any]) -> None:
    """Create the declared indexes, and touch no others: they may be those of replicas of another version.

    A plain index that has another name there serves as well. Raises IndexDiffers for one that is there otherwise.
    """
    there = await rows.index_information()
    plain = {tuple(facts["key"]): name for name, facts in there.items() if facts.keys() <= _PLAIN}
    unknown = there.keys() - {"_id_"}
    for name, (keys, options) in layout.indexes_of(schema.indexes).items():
        twin = None if options or name in there else plain.get(tuple(keys))
        unknown -= {name, twin}
        if twin is not None:
            continue
        try:
            await rows.create_indexes([IndexModel(keys, name=name, **options)])
        except OperationFailure as error:
            if error.code not in _INDEX_DIFFERS:
                raise
            same = (other for other, facts in there.items() if facts["key"] == keys)
            raise IndexDiffers(schema.name, name, name if name in there else next(same, name)) from error
    for name in sorted(unknown):
        log.info("index_undeclared", collection=schema.name, index=name)
