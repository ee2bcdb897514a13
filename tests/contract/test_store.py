"""One suite for the store port, run against each of its adapters: nobody outside shared/store may see a difference."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from shared.store.port import (
    Between,
    Collection,
    Condition,
    DuplicateKey,
    Eq,
    Guard,
    In,
    Index,
    Marked,
    NotIn,
    Page,
    Prefix,
    Store,
    StoreUnavailable,
    Swap,
    UnknownField,
)
from tests.support.databases import Database
from tests.support.notes import IN_A_ROOM, LEASES, NOTES, OPEN, Lease, Note, Place, changed, schema


@dataclass
class Bench:
    """An open store and its collections."""

    database: Database
    store: Store
    notes: Collection[Note]
    leases: Collection[Lease]


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    store = database.store("notes")
    bench = Bench(database, store, store.collection(NOTES), store.collection(LEASES))
    await store.open()
    yield bench
    await store.close()


@pytest.fixture
def notes(bench: Bench) -> Collection[Note]:
    return bench.notes


async def ids(
    notes: Collection[Note], *where: Condition, sort: tuple[str, ...] = (), limit: int = 100
) -> tuple[str, ...]:
    return tuple(note.id for note in (await notes.find(where, sort, limit=limit)).items)


async def pages(notes: Collection[Note], sort: tuple[str, ...], limit: int, *where: Condition) -> list[str]:
    """All ids in order, read page by page."""
    found: list[str] = []
    after: tuple[Any, ...] | None = None
    while True:
        page = await notes.find(where, sort, after, limit)
        found += [note.id for note in page.items]
        if page.after is None:
            return found
        after = page.after


# --- one document


async def test_a_document_comes_back_as_it_was_stored(notes: Collection[Note]) -> None:
    note = Note(
        id="a",
        owner="Zoë 🚀",
        number=2**63 - 1,
        share=0.1,
        open=False,
        place=Place(room="r"),
        data={
            "env": {"a.b": "1", "$x": "2", "a/b": "3", "%2E": "4", "": "5", "$": {".": "6"}},
            "time": "2026-11-23T23:12:50.123Z",
            "deep": [{"$set": [{"x.y": -(2**63)}]}, 1.0, 1e300, None, True, [], {}],
            "text": 'quote " slash \\ line \n tab \t nul \0 separator \x1e \u2028',
        },
    )
    await notes.insert(note)
    assert await notes.get("a") == note
    assert (await notes.get_many(["a"]))["a"] == note
    assert (await notes.find()).items == (note,)
    second = changed(note, data={"$y": {"$inc": 1}, "labels": {"b.c": "d"}})
    assert await notes.swap(second, 1)
    assert await notes.get("a") == second
    assert await notes.behind() == [Marked(second, 0)]


async def test_what_does_not_exist_is_none(notes: Collection[Note]) -> None:
    assert await notes.get("nobody") is None
    assert await notes.marked("nobody") is None
    assert await notes.get_many(["nobody"]) == {}
    assert await notes.get_many([]) == {}
    assert await notes.delete("nobody") is False
    assert await notes.swap(Note(id="nobody", version=2), 1) is False
    assert await notes.get("nobody") is None


async def test_get_many_gives_those_that_exist(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id=id) for id in "abc"])
    assert list(await notes.get_many(["c", "x", "a"])) == ["c", "a"]


async def test_insert_refuses_an_id_that_exists(notes: Collection[Note]) -> None:
    await notes.insert(Note(id="a", owner="first"))
    with pytest.raises(DuplicateKey) as refused:
        await notes.insert(Note(id="a", owner="second"))
    assert (refused.value.id, refused.value.index) == ("a", None)
    assert await notes.get("a") == Note(id="a", owner="first")


async def test_a_unique_index_refuses_the_same_values(notes: Collection[Note]) -> None:
    await notes.insert(Note(id="a", owner="u", key="k"))
    with pytest.raises(DuplicateKey) as refused:
        await notes.insert(Note(id="b", owner="u", key="k"))
    assert (refused.value.id, refused.value.index) == ("b", "by_key")
    await notes.insert(Note(id="c", owner="other", key="k"))
    with pytest.raises(DuplicateKey) as refused:
        await notes.swap(Note(id="c", version=2, owner="u", key="k"), 1)
    assert (refused.value.id, refused.value.index) == ("c", "by_key")
    assert await ids(notes, Eq("owner", "u"), Eq("key", "k")) == ("a",)


async def test_a_unique_index_leaves_documents_without_all_its_values_alone(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id="a", owner="u"), Note(id="b", owner="u"), Note(id="c"), Note(id="d")])
    await notes.insert_many([Note(id="e", key="k"), Note(id="f", key="k")])
    assert await notes.count() == 6


async def test_insert_many_stores_each_that_can_be_stored(notes: Collection[Note]) -> None:
    await notes.insert(Note(id="b", owner="u", key="k"))
    outcomes = await notes.insert_many(
        [Note(id="a"), Note(id="b"), Note(id="c", owner="u", key="k"), Note(id="d"), Note(id="d")]
    )
    assert [outcome and (outcome.id, outcome.index) for outcome in outcomes] == [
        None,
        ("b", None),
        ("c", "by_key"),
        None,
        ("d", None),
    ]
    assert await ids(notes) == ("a", "b", "d")
    assert await notes.insert_many([]) == []


async def test_swap_changes_the_expected_version_only(notes: Collection[Note]) -> None:
    await notes.insert(Note(id="a", owner="u"))
    assert await notes.swap(Note(id="a", version=2), 1)
    assert not await notes.swap(Note(id="a", version=3, owner="late"), 1)
    assert await notes.get("a") == Note(id="a", version=2)
    assert await ids(notes, Eq("owner", "u")) == ()


async def test_swap_many_gives_each_its_outcome(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id=id) for id in "abc"])
    assert await notes.swap_many(
        [Swap(Note(id="a", version=2), 1), Swap(Note(id="b", version=9), 8), Swap(Note(id="c", version=2), 1)]
    ) == [True, False, True]
    assert [note.version for note in (await notes.get_many(["a", "b", "c"])).values()] == [2, 1, 2]
    assert await notes.swap_many([]) == []


async def test_swap_many_raises_a_duplicate_after_the_others(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id="a", owner="u", key="k"), Note(id="b"), Note(id="c")])
    with pytest.raises(DuplicateKey):
        await notes.swap_many([Swap(Note(id="b", version=2, owner="u", key="k"), 1), Swap(Note(id="c", version=2), 1)])
    assert [note.version for note in (await notes.get_many(["b", "c"])).values()] == [1, 2]


async def test_delete_removes_and_the_id_is_free_again(notes: Collection[Note]) -> None:
    await notes.insert(Note(id="a", owner="u", key="k"))
    await notes.raise_marks({"a": 1})
    assert await notes.delete("a") is True
    assert await notes.get("a") is None
    await notes.insert(Note(id="a", owner="u", key="k"))
    assert await notes.marked("a") == Marked(Note(id="a", owner="u", key="k"), 0)


# --- concurrency


async def test_of_fifty_swaps_one_wins_each_version(notes: Collection[Note]) -> None:
    await notes.insert(Note(id="a"))

    async def compete(name: int) -> list[int]:
        return [
            version
            for version in range(1, 4)
            if await notes.swap(Note(id="a", version=version + 1, number=name), version)
        ]

    won = await asyncio.gather(*(compete(name) for name in range(50)))
    assert sorted(version for versions in won for version in versions) == [1, 2, 3]


async def test_of_many_inserts_with_one_key_one_is_stored(notes: Collection[Note]) -> None:
    results = await asyncio.gather(
        *(notes.insert(Note(id=f"n{number}", owner="u", key="k")) for number in range(20)), return_exceptions=True
    )
    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, DuplicateKey) for result in results) == 19
    assert await notes.count() == 1


async def test_a_cancelled_write_leaves_its_neighbours_alone(notes: Collection[Note]) -> None:
    tasks = [asyncio.create_task(notes.insert(Note(id=f"n{number:02}"))) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == [None] * 10
    assert {f"n{number:02}" for number in range(1, 20, 2)} <= set(await ids(notes))
    await notes.insert(Note(id="after"))


# --- transactions


async def test_a_transaction_is_all_or_nothing(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id="a"), Note(id="b")])
    assert not await notes.transaction([Swap(Note(id="a", version=2), 1), Swap(Note(id="b", version=3), 2)])
    assert [note.version for note in (await notes.get_many("ab")).values()] == [1, 1]
    assert await notes.transaction([Swap(Note(id="a", version=2), 1), Swap(Note(id="b", version=2), 1)])
    assert [note.version for note in (await notes.get_many("ab")).values()] == [2, 2]
    assert await notes.transaction([])


async def test_a_duplicate_in_a_transaction_undoes_it(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id="a", owner="u", key="k"), Note(id="b"), Note(id="c")])
    with pytest.raises(DuplicateKey):
        await notes.transaction(
            [Swap(Note(id="b", version=2), 1), Swap(Note(id="c", version=2, owner="u", key="k"), 1)]
        )
    assert [note.version for note in (await notes.get_many("bc")).values()] == [1, 1]


async def test_a_guard_holds_a_transaction_to_another_document(bench: Bench) -> None:
    await bench.leases.insert(Lease(id="lease", version=7))
    await bench.notes.insert(Note(id="a"))
    swap = Swap(Note(id="a", version=2), 1)
    assert not await bench.notes.transaction([swap], [Guard("leases", "lease", 6)])
    assert not await bench.notes.transaction([swap], [Guard("leases", "nobody", 1)])
    assert not await bench.notes.transaction([swap], [Guard("leases", "lease", 7), Guard("leases", "lease", 8)])
    assert await bench.notes.get("a") == Note(id="a")
    assert await bench.notes.transaction([swap], [Guard("leases", "lease", 7)])
    assert await bench.notes.get("a") == Note(id="a", version=2)
    assert await bench.leases.get("lease") == Lease(id="lease", version=7)


async def test_transactions_and_a_change_of_their_guard_agree(bench: Bench) -> None:
    """Whatever committed under the old lease was there when the new one began."""
    await bench.leases.insert(Lease(id="lease"))
    await bench.notes.insert_many([Note(id=f"n{number}") for number in range(12)])
    seen: dict[str, Note] = {}

    async def take_over() -> None:
        while not await bench.leases.swap(Lease(id="lease", version=2), 1):
            pass
        seen.update(await bench.notes.get_many([f"n{number}" for number in range(12)]))

    async def place(number: int) -> bool:
        swap = Swap(Note(id=f"n{number}", version=2), 1)
        return await bench.notes.transaction([swap], [Guard("leases", "lease", 1)])

    first = await asyncio.gather(*(place(number) for number in range(4)))
    *rest, _ = await asyncio.gather(*(place(number) for number in range(4, 12)), take_over())
    placed = [*first, *rest]
    assert [seen[f"n{number}"].version == 2 for number in range(12)] == placed
    assert placed[:4] == [True] * 4
    assert not await place(0)


async def test_transactions_on_the_same_documents_never_mix(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id="a"), Note(id="b")])

    async def both(name: int) -> bool:
        return await notes.transaction(
            [Swap(Note(id="a", version=2, number=name), 1), Swap(Note(id="b", version=2, number=name), 1)]
        )

    won = await asyncio.gather(*(both(name) for name in range(8)))
    assert sum(won) == 1
    numbers = {note.number for note in (await notes.get_many(["a", "b"])).values()}
    assert numbers == {won.index(True)}


# --- filters


PEOPLE = [
    Note(id="1", owner="ann", number=3, share=0.5, open=True, place=Place(room="r1", floor=1)),
    Note(id="2", owner="bob", number=1, share=1.0, open=False, place=Place(room="r1", floor=2)),
    Note(id="3", owner="ann", number=None, share=-2.5, open=None, place=Place(room="r2")),
    Note(id="4", owner=None, number=2, share=3, open=True),
    Note(id="5", owner="Anna", number=-7, open=False, place=Place(room="r10", floor=1)),
    Note(id="6", owner="añn", number=2**53, place=Place(room="")),
    Note(id="7", owner="ann\U0010ffff\U0010ffff", number=3),
    Note(id="8", owner="ao", number=3),
]

FILTERS: list[tuple[tuple[Condition, ...], str]] = [
    ((), "12345678"),
    ((Eq("owner", "ann"),), "13"),
    ((Eq("owner", None),), "4"),
    ((Eq("number", None),), "3"),
    ((Eq("number", 3), Eq("owner", "ann")), "1"),
    ((Eq("open", True),), "14"),
    ((Eq("open", False),), "25"),
    ((Eq("id", "5"),), "5"),
    ((Eq("share", 1),), "2"),
    ((Eq("place.room", "r1"),), "12"),
    ((Eq("place.room", "r1"), Eq("place.floor", 2)), "2"),
    ((Eq("place.room", None),), "478"),
    ((In("owner", ("ann", "bob", "nobody")),), "123"),
    ((In("number", (3, 2)),), "1478"),
    ((In("owner", ()),), ""),
    ((In("id", ("2", "9")), Eq("owner", "bob")), "2"),
    ((NotIn("owner", ("ann", "nobody")),), "25678"),
    ((NotIn("number", (3,)), NotIn("number", (1, -7))), "46"),
    ((NotIn("place.room", ()),), "12356"),
    ((OPEN, Eq("owner", "ann")), "1"),
    ((OPEN, Eq("owner", None)), "4"),
    ((OPEN, NotIn("number", (2,))), "1"),
    ((OPEN, Eq("open", False)), ""),
    ((IN_A_ROOM, Eq("place.room", "r1"), Between("number", 1, 3)), "2"),
    ((IN_A_ROOM, Between("place.room", None, "r10")), "126"),
    ((Between("number", 1, 3),), "24"),
    ((Between("number", None, 2),), "25"),
    ((Between("number", 3, None),), "1678"),
    ((Between("number", 2.5, None),), "1678"),
    ((Between("number"),), "1245678"),
    ((Between("owner", "ann", "bob"),), "13678"),
    ((Between("owner", "b", None),), "2"),
    ((Between("owner", None, "a"),), "5"),
    ((Between("id", "3", "5"),), "34"),
    ((Between("share", -3.0, 0.75),), "13"),
    ((Prefix("owner", "an"),), "137"),
    ((Prefix("owner", "ann"),), "137"),
    ((Prefix("owner", "a"),), "13678"),
    ((Prefix("owner", "A"),), "5"),
    ((Prefix("owner", "ann\U0010ffff"),), "7"),
    ((Prefix("owner", ""),), "1235678"),
    ((Prefix("owner", "\U0010ffff"),), ""),
    ((Prefix("place.room", "r1"),), "125"),
]


async def test_filters(notes: Collection[Note]) -> None:
    await notes.insert_many(PEOPLE)
    for where, expected in FILTERS:
        assert "".join(await ids(notes, *where)) == expected, where
        assert await notes.count(where) == len(expected), where
        assert await notes.count(where, at_most=2) == min(2, len(expected)), where


async def test_count_by(notes: Collection[Note]) -> None:
    await notes.insert_many(PEOPLE)
    assert await notes.count_by("place.room") == {"": 1, "r1": 2, "r10": 1, "r2": 1}
    assert await notes.count_by("number", [Between("number", 2, 10)]) == {"2": 1, "3": 3}
    assert await notes.count_by("owner", [Eq("place.room", "nowhere")]) == {}
    assert await notes.count(at_most=0) == 0


async def test_a_field_without_an_index_is_refused(notes: Collection[Note]) -> None:
    for unknown in ("data", "place", "place.window", "version", "owner.name", "$where", "a' OR 1"):
        with pytest.raises(UnknownField):
            await notes.find([Eq(unknown, 1)])
        with pytest.raises(UnknownField):
            await notes.find(sort=(unknown,))
        with pytest.raises(UnknownField):
            await notes.count([Prefix(unknown, "x")])
        with pytest.raises(UnknownField):
            await notes.count_by(unknown)


# --- order and pages


SORTS = [
    ((), "12345678"),
    (("-id",), "87654321"),
    (("number",), "35241786"),
    (("-number",), "68714253"),
    (("number", "-id"), "35248716"),
    (("owner",), "45137862"),
    (("owner", "-number"), "45137862"),
    (("-owner", "number"), "26873154"),
    (("place.room", "place.floor"), "47861253"),
    (("share",), "56783124"),
    (("open",), "36782514"),
]


async def test_order(notes: Collection[Note]) -> None:
    await notes.insert_many(PEOPLE[::-1])
    for sort, expected in SORTS:
        assert "".join(await ids(notes, sort=sort)) == expected, sort


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_pages_hold_every_document_once(notes: Collection[Note], limit: int) -> None:
    await notes.insert_many(PEOPLE)
    for sort, expected in SORTS:
        assert "".join(await pages(notes, sort, limit)) == expected, sort
    assert await pages(notes, ("-number",), limit, In("owner", ("ann", "bob"))) == ["1", "2", "3"]


async def test_behind_a_missing_value_downwards_lies_nothing_that_has_one(notes: Collection[Note]) -> None:
    await notes.insert_many(PEOPLE)
    page = await notes.find((Between("owner", low=""),), ("-owner",), (None, "1"))
    assert page == Page(())


async def test_a_page_says_where_the_next_begins(notes: Collection[Note]) -> None:
    await notes.insert_many(PEOPLE)
    page = await notes.find(sort=("owner", "-number"), limit=2)
    assert page.after == ("Anna", -7, "5")
    assert (await notes.find(sort=("owner", "-number"), limit=8)).after is None
    with pytest.raises(ValueError, match="3 keys"):
        await notes.find(sort=("owner", "-number"), after=("Anna",))
    with pytest.raises(ValueError, match="at least one"):
        await notes.find(limit=0)


async def test_paging_while_others_insert_neither_repeats_nor_misses(notes: Collection[Note]) -> None:
    there = [Note(id=f"m{number:03}", owner="u", number=number % 7) for number in range(0, 100, 2)]
    await notes.insert_many(there)
    found: list[str] = []
    after: tuple[Any, ...] | None = None
    for round in range(100):
        page = await notes.find([Eq("owner", "u")], ("-number",), after, 7)
        found += [note.id for note in page.items]
        if page.after is None:
            break
        after = page.after
        await notes.insert_many(
            [
                Note(id=f"m{number:03}", owner="u", number=number % 7)
                for number in range(round * 8 + 1, round * 8 + 9, 2)
            ]
        )
    assert len(found) == len(set(found))
    assert {note.id for note in there} <= set(found)
    assert len(found) > len(there)


async def test_an_index_over_some_documents_follows_them_as_they_come_and_go(notes: Collection[Note]) -> None:
    there = {id: Note(id=id, owner="u", number=n, open=n % 2 == 0) for n, id in enumerate("abcdefgh")}
    await notes.insert_many(list(there.values()))
    assert await pages(notes, ("owner", "-number"), 3, OPEN) == ["g", "e", "c", "a"]
    there |= {id: changed(there[id], open=not there[id].open) for id in "abgh"}
    assert await notes.swap_many([Swap(there[id], 1) for id in "abgh"]) == [True] * 4
    there["e"] = changed(there["e"], number=99)
    assert await notes.transaction([Swap(there["e"], 1)])
    assert await notes.delete("c")
    assert await pages(notes, ("owner", "-number"), 1, OPEN) == ["e", "h", "b"]
    assert await pages(notes, ("-owner", "number"), 2, OPEN) == ["b", "h", "e"]
    assert await notes.count([OPEN]) == 3
    assert await notes.count_by("owner", [OPEN]) == {"u": 3}
    assert await pages(notes, ("owner", "-number"), 2, Eq("owner", "u")) == ["e", "h", "g", "f", "d", "b", "a"]


# --- marks


async def test_marks_only_rise_and_are_no_part_of_the_version(notes: Collection[Note]) -> None:
    await notes.insert(Note(id="a", version=5))
    assert await notes.marked("a") == Marked(Note(id="a", version=5), 0)
    await notes.raise_marks({"a": 3, "nobody": 1})
    await notes.raise_marks({"a": 2})
    assert await notes.marked("a") == Marked(Note(id="a", version=5), 3)
    assert await notes.swap(Note(id="a", version=6), 5)
    assert await notes.marked("a") == Marked(Note(id="a", version=6), 3)
    await asyncio.gather(*(notes.raise_marks({"a": mark}) for mark in (4, 9, 5, 8)))
    assert await notes.marked("a") == Marked(Note(id="a", version=6), 9)
    assert await notes.get("nobody") is None
    await notes.raise_marks({})


async def test_behind_are_those_whose_mark_is_below_their_version(notes: Collection[Note]) -> None:
    await notes.insert_many([Note(id=id, version=2) for id in "abcd"])
    await notes.raise_marks({"a": 2, "b": 1, "d": 7})
    assert await notes.behind() == [Marked(Note(id="b", version=2), 1), Marked(Note(id="c", version=2), 0)]
    assert await notes.behind(limit=1) == [Marked(Note(id="b", version=2), 1)]
    await notes.swap_many([Swap(Note(id="a", version=3), 2), Swap(Note(id="d", version=3), 2)])
    assert [one.document.id for one in await notes.behind()] == ["a", "b", "c"]
    await notes.raise_marks({"a": 3, "b": 2, "c": 2})
    assert await notes.behind() == []


# --- the store


async def test_documents_and_marks_survive_a_restart(bench: Bench) -> None:
    await bench.notes.insert(Note(id="a", owner="u", key="k"))
    await bench.notes.raise_marks({"a": 1})
    await bench.store.close()
    again = bench.database.store("notes")
    notes = again.collection(NOTES)
    await again.open()
    try:
        assert await notes.marked("a") == Marked(Note(id="a", owner="u", key="k"), 1)
        with pytest.raises(DuplicateKey):
            await notes.insert(Note(id="b", owner="u", key="k"))
    finally:
        await again.close()


async def test_indexes_follow_the_schema(bench: Bench) -> None:
    """New ones hold what was there before. A changed index has a new name: while versions are exchanged, one that is
    declared no more may be another replica's, so it is not promised to go.
    """
    await bench.notes.insert_many([Note(id="a", owner="u", key="k", number=1), Note(id="b", owner="u", number=2)])
    await bench.store.close()
    again = bench.database.store("notes")
    notes = again.collection(schema(Index("by_number_down", ("-number",)), Index("by_key_alone", ("key",))))
    await again.open()
    try:
        assert await ids(notes, Eq("key", "k")) == ("a",)
        assert await ids(notes, sort=("-number",)) == ("b", "a")
        await notes.insert(Note(id="c", owner="w", key="k"))
        assert await ids(notes, Eq("key", "k")) == ("a", "c")
        with pytest.raises(UnknownField):
            await notes.find([Eq("owner", "u")])
    finally:
        await again.close()


async def test_a_closed_store_says_so(bench: Bench) -> None:
    await bench.store.ping()
    await bench.store.close()
    with pytest.raises(StoreUnavailable):
        await bench.store.ping()
    with pytest.raises(StoreUnavailable):
        await bench.notes.get("a")
    with pytest.raises(StoreUnavailable):
        await bench.notes.insert(Note(id="a"))
    with pytest.raises(StoreUnavailable):
        await bench.notes.find()
    await bench.store.close()


def test_conditions_of_indexes_are_checked_when_declared(database: Database) -> None:
    store = database.store("notes")
    for index in (
        Index("x", ("owner",), only=Eq("open", None)),
        Index("x", ("owner",), only=Between("owner")),
        Index("x", ("owner",), unique=True, only=OPEN),
        Index("x", ("id",), only=OPEN),
    ):
        with pytest.raises(ValueError, match="the index x of notes"):
            store.collection(schema(index))
    with pytest.raises(ValueError, match="neither a name nor a path"):
        store.collection(schema(Index("x", ("owner",), only=Eq("a.$b", True))))


def test_names_and_paths_are_checked_when_declared(database: Database) -> None:
    store = database.store("notes")
    for index in (Index("x", ("a b",)), Index("x y", ("a",)), Index("x", ("a.$b",)), Index("x", ("a..b",))):
        with pytest.raises(ValueError, match="neither a name nor a path"):
            store.collection(schema(index))
    with pytest.raises(ValueError, match="neither a name nor a path"):
        store.collection(schema(name="a-b"))


async def test_two_schemas_may_read_one_collection_if_their_indexes_agree(bench: Bench) -> None:
    store = bench.database.store("others")
    store.collection(NOTES)
    store.collection(schema(*NOTES.indexes))
    with pytest.raises(ValueError, match="declare different indexes"):
        store.collection(schema())
