"""The documents that the store's tests keep: small, with every kind of field that a filter, a sort or a key meets."""

from typing import Any

from pydantic import Field, JsonValue

from shared.contracts.base import Contract
from shared.store.port import Between, Eq, Index, Schema


class Place(Contract):
    room: str | None = None
    floor: int | None = None


class Note(Contract):
    """A document of the tests."""

    id: str
    version: int = 1
    owner: str | None = None
    number: int | None = None
    share: float | None = None
    open: bool | None = None
    key: str | None = None
    place: Place = Place()
    data: dict[str, JsonValue] = Field(default_factory=dict)


class Lease(Contract):
    """What transactions are held to."""

    id: str
    version: int = 1


def schema(*indexes: Index, name: str = "notes") -> Schema[Note]:
    return Schema(name, lambda note: note.model_dump_json().encode(), Note.model_validate_json, indexes)


OPEN, IN_A_ROOM = Eq("open", True), Between("place.room", low="")

NOTES = schema(
    Index("by_owner", ("owner", "-number")),
    Index("by_owner_id", ("owner", "-id")),
    Index("by_number", ("number",)),
    Index("by_room", ("place.room", "place.floor")),
    Index("by_share", ("share",)),
    Index("by_open", ("open",)),
    Index("by_key", ("owner", "key"), unique=True),
    Index("open_by_owner", ("open", "owner", "-number"), only=OPEN),
    Index("in_rooms", ("place.room", "number"), only=IN_A_ROOM),
)

LEASES: Schema[Lease] = Schema("leases", lambda lease: lease.model_dump_json().encode(), Lease.model_validate_json, ())


def changed(note: Note, **fields: Any) -> Note:
    """The next version of a note."""
    return note.model_copy(update={"version": note.version + 1, **fields})
