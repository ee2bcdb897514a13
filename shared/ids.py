"""Job ids: ULIDs, which sort by the time they were minted, also within one millisecond of one process."""

from ulid import ULIDGenerator

_generator = ULIDGenerator()


def new_id() -> str:
    """A new id of 26 characters, upper case."""
    return str(_generator.generate())
