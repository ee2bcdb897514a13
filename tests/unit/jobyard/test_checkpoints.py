"""Checkpoints of a script: whole or not there, whatever happens while they are written."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import jobyard
from tests.support.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "checkpoints"
    monkeypatch.setenv("JOBYARD_CHECKPOINT_DIR", str(place))
    monkeypatch.setenv("JOBYARD_ATTEMPT", "1")
    monkeypatch.delenv("JOBYARD_RESUME", raising=False)
    return place


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def begin_and_raise(error: type[BaseException]) -> None:
    with jobyard.checkpoint("state.pkl") as path:
        path.write_bytes(b"half")
        raise error


def run(code: str, **environment: str) -> str:
    """What a script prints, in an interpreter of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | {"PYTHONPATH": str(CHECKOUT)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_value_is_saved_and_loaded_again(folder: Path) -> None:
    assert jobyard.load("state.pkl") is None
    assert jobyard.load("state.pkl", default=(0, "new")) == (0, "new")
    assert jobyard.save({"epoch": 3}, "state.pkl") == folder / "state.pkl"
    assert jobyard.load("state.pkl") == {"epoch": 3}
    jobyard.save({"epoch": 4}, "state.pkl")
    assert jobyard.load("state.pkl") == {"epoch": 4}
    assert names(folder) == ["state.pkl"]


def test_the_block_sees_the_final_name_and_nobody_else_sees_anything_before_it_ends(folder: Path) -> None:
    with jobyard.checkpoint("model.npz") as path:
        assert path.name == "model.npz"
        path.write_bytes(b"half")
        assert jobyard.latest() is None
        assert all(name.startswith(".") for name in names(folder))
    assert names(folder) == ["model.npz"]
    assert jobyard.latest() == folder / "model.npz"


def test_a_block_that_raises_leaves_the_old_one(folder: Path) -> None:
    jobyard.save("old", "state.pkl")
    for error in (ZeroDivisionError, SystemExit, KeyboardInterrupt):
        with pytest.raises(error):
            begin_and_raise(error)
    assert (jobyard.load("state.pkl"), names(folder)) == ("old", ["state.pkl"])


def test_a_block_that_writes_nothing_or_elsewhere_says_so(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Nothing was written"), jobyard.checkpoint("state.pkl"):
        pass
    assert names(folder) == []


def test_a_folder_is_a_checkpoint_too_under_a_name_of_its_own(folder: Path) -> None:
    for step in (1, 2):
        with jobyard.checkpoint(f"step-{step}") as path:
            (path / "inner").mkdir(parents=True)
            (path / "inner" / "weights").write_text(str(step))
    assert names(folder) == ["step-1", "step-2"]
    latest = jobyard.latest()
    assert latest is not None
    assert (latest / "inner" / "weights").exists()
    with pytest.raises(FileExistsError, match="name of its own"), jobyard.checkpoint("step-2"):
        pass


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc/passwd", ".hidden", "a.tmp", "a\0b", "tmp-a", "a~", "x" * 201]
)
def test_names_that_are_none(folder: Path, name: str) -> None:
    for act in (lambda: jobyard.save(1, name), lambda: jobyard.load(name)):
        with pytest.raises(ValueError, match="no name for a checkpoint"):
            act()
    assert not (folder.exists() and names(folder))


def test_what_a_killed_attempt_left_behind_is_removed_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".unfinished-1-abc").mkdir(parents=True)
    (folder / ".unfinished-1-abc" / "state.pkl").write_text("half")
    (folder / ".unfinished-2-def").mkdir()
    jobyard.save(1, "a.pkl")
    assert len(names(folder)) == 3
    monkeypatch.setenv("JOBYARD_ATTEMPT", "2")
    jobyard.save(2, "a.pkl")
    assert names(folder) == [".unfinished-2-def", "a.pkl"]


def test_resuming_is_what_the_platform_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not jobyard.resuming()
    monkeypatch.setenv("JOBYARD_RESUME", "1")
    assert jobyard.resuming()


WRITER = """
import os, jobyard
print("ready", flush=True)
number = 0
while True:
    number += 1
    with jobyard.checkpoint("state.bin") as path, path.open("wb") as file:
        for _ in range(64):
            file.write(number.to_bytes(8, "big") * 1024)
            file.flush()
"""


def test_kill_9_in_mid_write_leaves_a_whole_checkpoint_each_time(tmp_path: Path) -> None:
    chance, seen = random.Random(1), []
    for attempt in range(1, 16):
        environment = os.environ | {
            "PYTHONPATH": str(CHECKOUT),
            "JOBYARD_CHECKPOINT_DIR": str(tmp_path),
            "JOBYARD_ATTEMPT": str(attempt),
        }
        with subprocess.Popen([sys.executable, "-c", WRITER], env=environment, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            wait_until(lambda n=attempt: _writing(tmp_path, n), "it is writing")  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.03))
            writer.send_signal(signal.SIGKILL)
        finals = [name for name in names(tmp_path) if not name.startswith(".")]
        assert finals in ([], ["state.bin"])
        if finals:
            content = (tmp_path / "state.bin").read_bytes()
            assert len(content) == 64 * 8 * 1024
            assert len({content[index : index + 8] for index in range(0, len(content), 8)}) == 1
            seen.append(content[:8])
    assert len(seen) > 5


def _writing(folder: Path, attempt: int) -> bool:
    return any(folder.glob(f".unfinished-{attempt}-*/state.bin"))


def test_a_script_that_imports_it_loads_the_standard_library_alone() -> None:
    loaded = run("import sys, jobyard; print(*{name.partition('.')[0] for name in sys.modules})").split()
    assert {"httpx", "pydantic", "typer", "rich", "yaml", "torch"}.isdisjoint(loaded)


def test_all_that_the_package_offers_is_there_and_nothing_else() -> None:
    for name in jobyard.__all__:
        assert getattr(jobyard, name) is not None
        assert name in dir(jobyard)
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = jobyard.no_such_thing


def test_a_script_that_uses_pytorch_saves_and_loads_by_it(tmp_path: Path) -> None:
    """By a stand-in for the library: it is not installed here."""
    stand_in = (
        "import pickle\n"
        "def save(value, path): open(path, 'wb').write(b'torch' + pickle.dumps(value))\n"
        "def load(path, map_location=None): return pickle.loads(open(path, 'rb').read()[5:]), map_location\n"
    )
    (tmp_path / "torch.py").write_text(stand_in)
    code = "import torch, jobyard; jobyard.save([1], 'm.pt'); print(jobyard.load('m.pt', map_location='cpu'))"
    place = tmp_path / "checkpoints"
    assert run(code, PYTHONPATH=f"{CHECKOUT}:{tmp_path}", JOBYARD_CHECKPOINT_DIR=str(place)) == "([1], 'cpu')\n"
    assert (place / "m.pt").read_bytes().startswith(b"torch")
    assert run("import jobyard; jobyard.save([1], 'm.pkl')", JOBYARD_CHECKPOINT_DIR=str(place)) == ""
    assert pickle.loads((place / "m.pkl").read_bytes()) == [1]
