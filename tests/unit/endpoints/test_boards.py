"""TensorBoard after a job's end: whose board makes room, and how many files one has open."""

from services.endpoints.domain.boards import AT_ONCE, Shown, makes_room
from services.endpoints.domain.room import LARGEST, event_files


def test_an_owners_third_board_ends_the_owners_own_least_used_one() -> None:
    shown = {"a": Shown("ada", 5.0), "b": Shown("ada", 4.0), "c": Shown("bob", 1.0)}
    assert makes_room(shown, "ada") == ("b",)
    assert makes_room(shown, "bob") == makes_room(shown, "eve") == ()


def test_one_too_many_of_all_ends_the_least_used_one() -> None:
    shown = {id: Shown(id, used) for id, used in (("a", 3.0), ("b", 1.0), ("c", 2.0), ("d", None))}
    assert makes_room(shown, "eve") == ("b",)


def test_what_is_being_started_is_not_ended() -> None:
    starting = {"a": Shown("ada", None), "b": Shown("ada", None)}
    assert makes_room(starting, "ada") is None
    assert makes_room(starting, "bob") == ()
    assert makes_room(starting | {"c": Shown("bob", None), "d": Shown("bob", None)}, "eve") is None


def test_boards_have_a_quarter_of_the_descriptors_together() -> None:
    assert event_files(1024) * AT_ONCE == 256
    assert event_files(-1) == event_files(LARGEST) == 1000
