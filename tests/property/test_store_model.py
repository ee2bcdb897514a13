"""Whatever is done to a collection, in whatever order and however it is grouped, it does what a plain dict would."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shared.store.port import Collection, DuplicateKey, Guard, Marked, Swap
from shared.store.sqlite import SqliteStore
from tests.support.notes import NOTES, Note

T = TypeVar("T")

IDS = st.sampled_from("abcdef")
VERSIONS = st.integers(1, 4)
FIELDS = {
    "owner": st.sampled_from([None, "", "u", "v", "é"]),
    "number": st.none() | st.integers(-2, 2),
    "key": st.sampled_from([None, "k", "l"]),
}
NEW = st.builds(Note, id=IDS, version=VERSIONS, **FIELDS)
SWAPS = st.builds(Swap[Note], NEW, VERSIONS)
SORTS = st.lists(st.sampled_from(["owner", "-owner", "number", "-number", "id", "-id"]), max_size=3, unique=True)


class Model:
    """The port over a dict: id -> [document, mark]."""

    def __init__(self) -> None:
        self.rows: dict[str, Marked[Note]] = {}

    def conflict(self, note: Note) -> bool:
        return None not in (note.owner, note.key) and any(
            (row.document.owner, row.document.key) == (note.owner, note.key)
            for id, row in self.rows.items()
            if id != note.id
        )

    def insert(self, note: Note) -> bool:
        if note.id in self.rows or self.conflict(note):
            return False
        self.rows[note.id] = Marked(note, 0)
        return True

    def swap(self, swap: Swap[Note]) -> bool:
        """Raises DuplicateKey."""
        row = self.rows.get(swap.document.id)
        if row is None or row.document.version != swap.expected:
            return False
        if self.conflict(swap.document):
            raise DuplicateKey(swap.document.id)
        self.rows[swap.document.id] = Marked(swap.document, row.mark)
        return True

    def transaction(self, swaps: list[Swap[Note]]) -> bool:
        """Raises DuplicateKey."""
        before = dict(self.rows)
        done = False
        try:
            done = all(self.swap(swap) for swap in swaps)
        finally:
            if not done:
                self.rows = before
        return done


def by(sort: list[str]) -> Callable[[list[Note]], list[Note]]:
    """Stable sorts from the last key to the first; null before every value."""
    keys = [*sort]
    if not any(key.removeprefix("-") == "id" for key in keys):
        keys.append("-id" if keys and keys[-1].startswith("-") else "id")

    def value(note: Note, path: str) -> tuple[bool, Any]:
        found = getattr(note, path)
        return (found is not None, found if found is not None else 0)

    def order(notes: list[Note]) -> list[Note]:
        for key in reversed(keys):
            notes = sorted(notes, key=lambda note: value(note, key.removeprefix("-")), reverse=key.startswith("-"))
        return notes

    return order


class StoreMachine(RuleBasedStateMachine):
    """One store in a file, closed and opened again in between, beside its model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="jobyard-store-"))
        self.runner = asyncio.Runner()
        self.model = Model()
        self.store = SqliteStore(self.folder / "notes.sqlite")
        self.notes: Collection[Note] = self.store.collection(NOTES)

    def wait(self, *work: Awaitable[Any]) -> list[Any]:
        async def together() -> list[Any]:
            return list(await asyncio.gather(*work, return_exceptions=True))

        return self.runner.run(together())

    def one(self, work: Awaitable[T]) -> T:
        (outcome,) = self.wait(work)
        if isinstance(outcome, BaseException):
            raise outcome
        result: T = outcome
        return result

    @initialize()
    def start(self) -> None:
        self.one(self.store.open())

    @rule()
    def restart(self) -> None:
        self.one(self.store.close())
        self.one(self.store.open())

    @rule(notes=st.lists(NEW, max_size=5))
    def insert_at_once(self, notes: list[Note]) -> None:
        outcomes = self.wait(*(self.notes.insert(note) for note in notes))
        assert [outcome is None for outcome in outcomes] == [self.model.insert(note) for note in notes]
        assert all(outcome is None or isinstance(outcome, DuplicateKey) for outcome in outcomes)

    @rule(notes=st.lists(NEW, max_size=5))
    def insert_many(self, notes: list[Note]) -> None:
        outcomes = self.one(self.notes.insert_many(notes))
        assert [outcome is None for outcome in outcomes] == [self.model.insert(note) for note in notes]

    @rule(swaps=st.lists(SWAPS, max_size=5))
    def swap_at_once(self, swaps: list[Swap[Note]]) -> None:
        outcomes = self.wait(*(self.notes.swap(swap.document, swap.expected) for swap in swaps))
        for swap, outcome in zip(swaps, outcomes, strict=True):
            try:
                assert self.model.swap(swap) == outcome
            except DuplicateKey:
                assert isinstance(outcome, DuplicateKey)

    @rule(swaps=st.lists(SWAPS, max_size=3), guard=st.tuples(IDS, VERSIONS))
    def transaction(self, swaps: list[Swap[Note]], guard: tuple[str, int]) -> None:
        held = self.model.rows.get(guard[0])
        refused = held is None or held.document.version != guard[1]
        (outcome,) = self.wait(self.notes.transaction(swaps, [Guard("notes", *guard)]))
        try:
            assert outcome == (not refused and self.model.transaction(swaps))
        except DuplicateKey:
            assert isinstance(outcome, DuplicateKey)

    @rule(id=IDS)
    def delete(self, id: str) -> None:
        assert self.one(self.notes.delete(id)) == (self.model.rows.pop(id, None) is not None)

    @rule(marks=st.dictionaries(IDS, st.integers(0, 5), max_size=3))
    def raise_marks(self, marks: dict[str, int]) -> None:
        self.one(self.notes.raise_marks(marks))
        for id, mark in marks.items():
            if id in self.model.rows:
                row = self.model.rows[id]
                self.model.rows[id] = Marked(row.document, max(row.mark, mark))

    @rule(sort=SORTS, limit=st.integers(1, 4))
    def read_pages(self, sort: list[str], limit: int) -> None:
        found: list[Note] = []
        after = None
        while True:
            page = self.one(self.notes.find((), sort, after, limit))
            found += page.items
            if page.after is None:
                break
            after = page.after
        assert found == by(sort)([row.document for row in self.model.rows.values()])

    @invariant()
    def holds_the_same(self) -> None:
        rows = sorted(self.model.rows.items())
        assert [self.one(self.notes.marked(id)) for id, _ in rows] == [row for _, row in rows]
        assert self.one(self.notes.count()) == len(rows)
        assert self.one(self.notes.behind()) == [row for _, row in rows if row.mark < row.document.version]

    def teardown(self) -> None:
        self.one(self.store.close())
        self.runner.close()
        shutil.rmtree(self.folder)


TestStoreModel = StoreMachine.TestCase
TestStoreModel.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
