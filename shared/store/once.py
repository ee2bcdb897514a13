"""Documents that an installation makes once, like a key that all replicas share."""

from collections.abc import Callable
from contextlib import suppress

from shared.store.port import Collection, D, DuplicateKey


async def made_once(collection: Collection[D], id: str, make: Callable[[], D]) -> D:
    """The document of this id; the first start makes it, and of replicas that start at one time the first one does."""
    stored = await collection.get(id)
    if stored is None:
        with suppress(DuplicateKey):
            await collection.insert(make())
        stored = await collection.get(id)
    assert stored is not None, "whoever makes a document once never deletes it"
    return stored
