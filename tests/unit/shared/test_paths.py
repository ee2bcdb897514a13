"""Where jobs may read and write: every way out of the allowed folders is closed, and none is too much."""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.contracts import job as contract
from shared.paths import PathOutside, Roots


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    folder = tmp_path / "storage"
    folder.mkdir()
    return folder


def test_a_relative_path_starts_at_the_storage(storage: Path) -> None:
    roots = Roots(storage)
    assert roots.resolve("jobs/1") == storage / "jobs" / "1"
    assert roots.resolve("./a//b/./c") == storage / "a" / "b" / "c"


def test_an_absolute_path_may_lie_in_the_storage_or_in_an_allowed_folder(storage: Path, tmp_path: Path) -> None:
    roots = Roots(storage, [tmp_path / "datasets"])
    for path in (storage / "x", tmp_path / "datasets", tmp_path / "datasets" / "mnist"):
        assert roots.resolve(str(path)) == path


@pytest.mark.parametrize("path", ["/", "/etc/passwd", "//etc/passwd", "/proc/self/root/etc"])
def test_any_other_absolute_path_is_refused(storage: Path, path: str) -> None:
    with pytest.raises(PathOutside):
        Roots(storage).resolve(path)


def test_a_folder_whose_name_only_begins_like_a_root_is_outside(storage: Path, tmp_path: Path) -> None:
    with pytest.raises(PathOutside):
        Roots(storage, [tmp_path / "data"]).resolve(str(tmp_path / "data2"))
    with pytest.raises(PathOutside):
        Roots(storage).resolve(f"{storage}2/x")


@pytest.mark.parametrize("path", ["..", "../x", "a/../b", "a/..", "/..", "a/../../storage/b"])
def test_two_dots_are_refused_even_where_they_would_lead_back_inside(storage: Path, path: str) -> None:
    with pytest.raises(PathOutside, match=r"write it without '\.\.' and NUL"):
        Roots(storage).resolve(path)


@pytest.mark.parametrize("path", ["...", "a..b", "..a", "b..", " ..", "~", "~root", "a b", "größe", "-rf", "$HOME"])
def test_names_that_only_look_dangerous_are_names(storage: Path, path: str) -> None:
    assert Roots(storage).resolve(path) == storage / path


def test_a_nul_character_is_refused_before_the_system_sees_it(storage: Path) -> None:
    with pytest.raises(PathOutside, match="NUL"):
        Roots(storage).resolve("a\0b")


def test_percent_signs_are_never_decoded(storage: Path) -> None:
    for path in ("%2e%2e/x", "..%2fx", "%252e%252e", "a%00b"):
        assert Roots(storage).resolve(path) == storage / path


@pytest.mark.parametrize(
    "path", ["%2e%2e/x", "%2E./x", "a%2fb", "a%5Cb", "a%00", "%252e%252e", "%25252F", "a\\b", "a\n"]
)
def test_a_submission_may_not_even_hold_what_others_might_decode(path: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(contract.Path).validate_python(path)


@pytest.mark.parametrize("path", ["50%", "a%b", "%41", "100%25", "a..b"])
def test_a_submission_may_hold_harmless_percent_signs(path: str) -> None:
    assert TypeAdapter(contract.Path).validate_python(path) == path


def test_a_link_that_leads_out_is_refused_also_in_the_middle_and_over_several_steps(
    storage: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (storage / "direct").symlink_to(outside)
    (storage / "relative").symlink_to("../outside")
    (storage / "second").symlink_to("direct")
    (storage / "dangling").symlink_to(tmp_path / "not-there-yet")
    for path in ("direct", "direct/x", "relative/x/y", "second/x", "dangling", f"{storage}/direct"):
        with pytest.raises(PathOutside):
            Roots(storage).resolve(path)


def test_a_link_is_followed_to_where_it_leads_inside(storage: Path, tmp_path: Path) -> None:
    datasets = tmp_path / "datasets"
    (datasets / "mnist").mkdir(parents=True)
    (storage / "data").symlink_to(datasets / "mnist")
    (storage / "latest").symlink_to("runs/7")
    roots = Roots(storage, [datasets])
    assert roots.resolve("data/train") == datasets / "mnist" / "train"
    assert roots.resolve("latest/log") == storage / "runs" / "7" / "log"


def test_a_link_in_a_circle_leads_nowhere_outside(storage: Path) -> None:
    (storage / "one").symlink_to("two")
    (storage / "two").symlink_to("one")
    assert Roots(storage).resolve("one").is_relative_to(storage)


def test_a_link_that_is_changed_after_it_was_allowed_is_looked_at_again(storage: Path, tmp_path: Path) -> None:
    roots = Roots(storage)
    link = storage / "work"
    link.symlink_to(storage / "mine")
    assert roots.resolve("work") == storage / "mine"
    link.unlink()
    link.symlink_to(tmp_path)
    with pytest.raises(PathOutside):
        roots.resolve("work")


def test_roots_may_be_links_themselves(storage: Path, tmp_path: Path) -> None:
    (tmp_path / "to-storage").symlink_to(storage)
    (tmp_path / "big").mkdir()
    (tmp_path / "to-big").symlink_to(tmp_path / "big")
    roots = Roots(tmp_path / "to-storage", [tmp_path / "to-big"])
    assert roots.resolve("x") == storage / "x"
    assert roots.resolve(str(tmp_path / "to-big" / "x")) == tmp_path / "big" / "x"
    assert roots.resolve(str(storage / "x")) == storage / "x"


def test_an_operator_may_allow_everything(storage: Path) -> None:
    assert Roots(storage, [Path("/")]).resolve("/usr/share") == Path("/usr/share").resolve()


def test_the_refusal_says_where_a_path_may_lie(storage: Path, tmp_path: Path) -> None:
    with pytest.raises(PathOutside) as refused:
        Roots(storage, [tmp_path / "datasets"]).resolve("/etc")
    assert str(refused.value) == (
        "The path '/etc' lies outside the folders that jobs may use: the storage folder of this installation and "
        f"{tmp_path / 'datasets'}. Use a path under one of them."
    )


@pytest.mark.parametrize("path", [".", "", "./", "jobs", "jobs/", "./jobs/.", "way", "{storage}", "{storage}/jobs"])
def test_nobody_gets_the_whole_storage_or_all_jobs_folders(storage: Path, path: str) -> None:
    (storage / "jobs").mkdir(parents=True, exist_ok=True)
    (storage / "way").symlink_to(storage / "jobs")
    with pytest.raises(PathOutside, match="everybody's files"):
        Roots(storage).resolve(path.format(storage=storage))


def test_a_folder_that_an_operator_allows_may_be_used_as_a_whole(storage: Path, tmp_path: Path) -> None:
    assert Roots(storage, [tmp_path / "code"]).resolve(str(tmp_path / "code")) == tmp_path / "code"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Where somebody works and starts the platform, with its data folder in it."""
    checkout = tmp_path / "home" / "checkout"
    (checkout / ".jobyard" / "storage" / "jobs" / "1").mkdir(parents=True)
    (checkout / "examples").mkdir()
    return checkout


@pytest.mark.parametrize(
    "path", ["", "checkout", "checkout/.jobyard", "checkout/.jobyard/executor", "checkout/.jobyard/new", "way", "into"]
)
def test_no_job_in_a_container_gets_the_platforms_files(checkout: Path, path: str) -> None:
    home, data = checkout.parent, checkout / ".jobyard"
    (home / "way").symlink_to(data)
    (home / "into").symlink_to(data / "nats")
    with pytest.raises(PathOutside, match="platform's own files"):
        Roots(data / "storage", [home], kept_from=data).resolve(str(home / path))
    assert Roots(data / "storage", [home]).resolve(str(home / path)), "processes of the same user read it anyway"


def test_a_job_in_a_container_gets_what_lies_beside_the_platforms_files_and_its_own_among_them(checkout: Path) -> None:
    data = checkout / ".jobyard"
    roots = Roots(data / "storage", [checkout, data / "datasets"], kept_from=data)
    for path in (checkout / "examples", checkout / ".jobyard2", data / "storage" / "jobs" / "1", data / "datasets"):
        assert roots.resolve(str(path)) == path
    assert roots.resolve("jobs/1") == data / "storage" / "jobs" / "1"


def test_a_folder_around_a_storage_elsewhere_is_nobodys_either(tmp_path: Path) -> None:
    roots = Roots(tmp_path / "srv" / "storage", [tmp_path / "srv"], kept_from=tmp_path / "data")
    with pytest.raises(PathOutside, match="platform's own files"):
        roots.resolve(str(tmp_path / "srv"))
    assert roots.resolve(str(tmp_path / "srv" / "datasets")) == tmp_path / "srv" / "datasets"
