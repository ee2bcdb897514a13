"""A server to talk to, and a home of its own: no test reads or writes the login of whoever runs it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from jobyard import Client
from tests.support.scripted_server import ScriptedServer, scripted_server


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the logins and the data folder are; nothing is there yet."""
    for name in (
        "JOBYARD_URL",
        "JOBYARD_TOKEN",
        "JOBYARD_DATA",
        "COLUMNS",
        "FORCE_COLOR",
        "NO_COLOR",
        "TTY_COMPATIBLE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A platform that answers what the test says."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """`Client(...)`, closed at the end of the test."""
    with ExitStack() as clients:

        def opened(*arguments: str, **options: float | bool) -> Client:
            return clients.enter_context(Client(*arguments, **options))  # type: ignore[arg-type]  # a test's few

        yield opened


@pytest.fixture
def client(server: ScriptedServer, connect: Callable[..., Client]) -> Client:
    """A client of that platform, with a token that is given."""
    return connect(server.url, "token")
