"""Backups hold what their manifest says and nothing else; whatever is not so is refused, and nothing is written."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from services.admin.archive import MANIFEST, Manifest, facts_of
from services.admin.backup import backup
from services.admin.contents import databases, is_known
from services.admin.refused import Refused
from services.admin.restore import restore
from services.admin.rotation import rotate
from shared.secret_keys import keys_at
from shared.settings import PlatformSettings
from shared.store.sqlite import files
from tests.support.installation import fill

Content = bytes | tarfile.TarInfo


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """An installation with documents, keys, consoles, and what is not backed up."""
    folder = tmp_path / "data"
    await fill(folder, "jobs", 7, marked=2)
    await fill(folder, "gateway", 2)
    await fill(folder, "executor", 5)
    for name in ("logs/AB/x.ring", "logs/position.json", "logs/lock", "mail/one.eml", "nats/store/x", "storage/jobs/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "admin-password").write_text("password")
    (folder / "secret-key").write_text("key")
    return folder


def made(data: Path, target: Path, keys: bool = True) -> Manifest:
    return backup(PlatformSettings(data=data), target, keys)[1]


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_restored_folder_has_what_is_worth_keeping(data: Path, tmp_path: Path) -> None:
    manifest = made(data, tmp_path / "b")
    assert manifest.documents == {"gateway": {"things": 2}, "jobs": {"things": 7}}
    restored = tmp_path / "restored"
    restored.mkdir()
    assert restore(restored, tmp_path / "b") == manifest
    kept = {"admin-password", "secret-key", "logs/AB/x.ring", "logs/position.json", "mail/one.eml"}
    assert names(restored) == {*kept, "documents/jobs.sqlite", "documents/gateway.sqlite"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in restored.rglob("*") if path.is_file())
    for service, path in databases(restored).items():
        before = [row for page in files.rows(data / "documents" / path.name, "things") for row in page]
        after = [row for page in files.rows(path, "things") for row in page]
        assert [(row.id, row.version, row.body) for row in after] == [(row.id, row.version, row.body) for row in before]
        told = [row.mark == row.version for row in after]
        assert told == ([True] * 7 if service == "jobs" else [False] * 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "data", "restored"]


def test_keys_may_be_left_out(data: Path, tmp_path: Path) -> None:
    assert not made(data, tmp_path / "b", keys=False).files.keys() & {"admin-password", "secret-key"}


def test_a_folder_that_is_not_empty_is_left_alone(data: Path, tmp_path: Path) -> None:
    made(data, tmp_path / "b")
    for target in (data, tmp_path / "b"):
        with pytest.raises(Refused, match="is not empty"):
            restore(target, tmp_path / "b")


def test_a_backup_is_never_overwritten(data: Path, tmp_path: Path) -> None:
    made(data, tmp_path / "b")
    with pytest.raises(Refused, match="exists already"):
        made(data, tmp_path / "b")


def rewritten(source: Path, change: Callable[[dict[str, Content], Manifest], Manifest]) -> None:
    """The archive with other contents, as somebody else would write it."""
    contents: dict[str, Content] = {}
    with tarfile.open(source) as archive:
        for member in archive:
            found = archive.extractfile(member)
            assert found is not None
            contents[member.name] = found.read()
    text = contents.pop(MANIFEST)
    assert isinstance(text, bytes)
    manifest = change(contents, Manifest.model_validate_json(text))
    with tarfile.open(source, "w:gz") as archive:
        for name, content in {MANIFEST: manifest.model_dump_json().encode(), **contents}.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


def added(contents: dict[str, Content], manifest: Manifest) -> Manifest:
    contents["logs/AB/y.ring"] = b"more"
    return manifest


def outside(contents: dict[str, Content], manifest: Manifest) -> Manifest:
    contents["../outside"] = b"x"
    facts = next(iter(manifest.files.values()))
    return manifest.model_copy(update={"files": {**manifest.files, "../outside": facts}})


def linked(contents: dict[str, Content], manifest: Manifest) -> Manifest:
    link = tarfile.TarInfo("admin-password")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    contents["admin-password"] = link
    return manifest


def changed(contents: dict[str, Content], manifest: Manifest) -> Manifest:
    contents["admin-password"] = b"passw0rd"
    return manifest


def gone(contents: dict[str, Content], manifest: Manifest) -> Manifest:
    del contents["secret-key"]
    return manifest


def miscounted(contents: dict[str, Content], manifest: Manifest) -> Manifest:
    return manifest.model_copy(update={"documents": {**manifest.documents, "jobs": {"things": 6}}})


def without_jobs(contents: dict[str, Content], manifest: Manifest) -> Manifest:
    del contents["documents/jobs.sqlite"]
    kept = {name: facts for name, facts in manifest.files.items() if name != "documents/jobs.sqlite"}
    return manifest.model_copy(update={"files": kept, "documents": {"gateway": {"things": 2}}})


@pytest.mark.parametrize("change", [added, outside, linked, changed, gone, miscounted, without_jobs])
def test_what_is_not_as_its_manifest_says_is_refused(
    data: Path, tmp_path: Path, change: Callable[[dict[str, Content], Manifest], Manifest]
) -> None:
    made(data, tmp_path / "b")
    rewritten(tmp_path / "b", change)
    with pytest.raises(Refused):
        restore(tmp_path / "restored", tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "data"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("documents/jobs.sqlite", True),
        ("documents/executor.sqlite", False),
        ("documents/a/jobs.sqlite", False),
        ("logs/AB/x.ring", True),
        ("logs/../secret-key", False),
        ("/etc/passwd", False),
        ("secret-key", True),
        ("./secret-key", False),
        ("nats/x.json", False),
        ("", False),
    ],
)
def test_only_files_of_an_installation_come_out_of_a_backup(name: str, known: bool) -> None:
    assert is_known(name) is known


def test_facts_are_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    facts = facts_of(tmp_path / "x")
    assert facts.bytes == 3
    assert facts.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_new_key_stands_before_the_old_one_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JOBYARD_GATEWAY_SECRET_KEY", raising=False)
    monkeypatch.delenv("JOBYARD_GATEWAY_SECRET_KEY_FILE", raising=False)
    with pytest.raises(Refused, match="There is no key"):
        rotate(tmp_path)
    (tmp_path / "secret-key").write_text("no key")
    with pytest.raises(Refused, match="Nothing was changed"):
        rotate(tmp_path)
    (tmp_path / "secret-key").write_text("A" * 43 + "=\n")
    path = rotate(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [len(key) for key in keys_at(path)] == [32, 32]
    assert keys_at(path)[1] == bytes(32)
    monkeypatch.setenv("JOBYARD_GATEWAY_SECRET_KEY", "A" * 43 + "=")
    with pytest.raises(Refused, match="JOBYARD_GATEWAY_SECRET_KEY"):
        rotate(tmp_path)
