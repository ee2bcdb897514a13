"""TensorBoard after a job's end: what of a folder is shown, and whose board makes room."""

from pathlib import Path

import pytest

from services.endpoints.domain.boards import Shown, makes_room
from services.endpoints.enclosed import LeadsOut, check_enclosed


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own/tensorboard/run/deep").mkdir(parents=True)
    (tmp_path / "others").mkdir()
    (tmp_path / "others/secret").write_text("secret")
    return tmp_path / "own"


def test_a_folder_with_links_within_the_jobs_own_is_shown(own: Path) -> None:
    (own / "logs").mkdir()
    (own / "tensorboard/run/link").symlink_to("../../logs")
    (own / "tensorboard/loop").symlink_to(own / "tensorboard")
    (own / "tensorboard/nowhere").symlink_to("missing")
    check_enclosed(own / "tensorboard", own)
    check_enclosed(own / "not-there", own)


@pytest.mark.parametrize("place", ["x", "run/deep/x"])
@pytest.mark.parametrize("target", ["others", "others/secret", "others/not-there-yet", "own/../others"])
def test_a_link_out_of_the_jobs_folder_is_refused_at_any_depth(own: Path, place: str, target: str) -> None:
    (own / "tensorboard" / place).symlink_to(own.parent / target)
    with pytest.raises(LeadsOut, match=f"tensorboard/{place}"):
        check_enclosed(own / "tensorboard", own)


def test_a_link_that_leads_out_over_another_within_is_refused(own: Path) -> None:
    (own / "way").symlink_to("..")
    (own / "tensorboard/x").symlink_to("../way/others")
    with pytest.raises(LeadsOut):
        check_enclosed(own / "tensorboard", own)


def test_a_folder_that_is_itself_a_link_outwards_is_refused(own: Path) -> None:
    (own / "board").symlink_to(own.parent / "others")
    with pytest.raises(LeadsOut):
        check_enclosed(own / "board", own)


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
