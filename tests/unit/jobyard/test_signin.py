"""Who is asking: where the address and the token come from, and what happens when a token stops counting."""

import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobyard import Client, JobyardError, Unauthorized
from jobyard.credentials import DEFAULT_URL, Login, LoginFile, is_local, normal_url, resolve_url
from tests.support.api_answers import token
from tests.support.scripted_server import Answer, ScriptedServer, problem

Connect = Callable[..., Client]
ME = "/api/v1/me"
TOKEN = "/api/v1/auth/token"
ADMIN = Answer(body={"name": "admin", "admin": True, "vcs": {"default": "member"}, "scope": "act"})


def login(value: str, *, automatic: bool = False, hours: float = 1) -> Login:
    return Login(value, "ann", (datetime.now(UTC) + timedelta(hours=hours)).isoformat(), automatic)


def sent_tokens(server: ScriptedServer) -> list[str | None]:
    return [asked.headers.get("authorization") for asked in server.asked if asked.path == ME]


def test_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    logins = LoginFile()
    assert resolve_url(None, logins) == DEFAULT_URL
    logins.put("http://saved:1", login("t"))
    assert resolve_url(None, logins) == "http://saved:1"
    monkeypatch.setenv("JOBYARD_URL", "http://environment:2/")
    assert resolve_url(None, logins) == "http://environment:2"
    assert resolve_url("https://argument/yard/", logins) == "https://argument/yard"


def test_a_platform_that_was_started_here_is_found_before_the_usual_address(home: Path) -> None:
    (home / ".jobyard").mkdir()
    place = home / ".jobyard" / "url"
    place.write_text("http://127.0.0.1:9123\n")
    logins = LoginFile()
    assert resolve_url(None, logins) == "http://127.0.0.1:9123"
    logins.put("http://saved:1", login("t"))
    assert resolve_url(None, logins) == "http://saved:1"


@pytest.mark.parametrize(
    "text",
    ["http://yard.example", "http://127.0.0.1.example.org", "", "ftp://127.0.0.1", "http://x:port", "\x00", "\xff"],
)
def test_a_folder_sends_nobody_to_another_machine(home: Path, text: str) -> None:
    (home / ".jobyard").mkdir()
    (home / ".jobyard" / "url").write_text(text, encoding="latin-1")
    assert resolve_url(None, LoginFile()) == DEFAULT_URL


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_what_another_user_has_left_in_a_folder_counts_for_nothing(home: Path) -> None:
    (home / ".jobyard").mkdir()
    (home / ".jobyard" / "url").write_text("http://127.0.0.1:9123\n")
    os.chown(home / ".jobyard" / "url", 65534, 65534)
    assert resolve_url(None, LoginFile()) == DEFAULT_URL


@pytest.mark.parametrize("text", ["localhost:8080", "ftp://x", "http://", "http://x:port", ""])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(JobyardError, match="no address"):
        normal_url(text)


def test_a_password_in_the_address_is_dropped() -> None:
    assert normal_url("http://user:secret@host:1/?q=1#f") == "http://host:1"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.9.9.9", True),
        ("http://localhost", True),
        ("http://[::1]:1", True),
        ("http://127.0.0.1.example.org", False),
        ("http://10.0.0.1", False),
        ("http://yard.example", False),
    ],
)
def test_which_addresses_are_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_the_file_is_for_its_owner_only(home: Path) -> None:
    logins = LoginFile()
    logins.put("http://a", login("one"))
    assert logins.path == home / "config" / "jobyard" / "credentials.json"
    assert stat.S_IMODE(logins.path.stat().st_mode) == 0o600
    assert logins.get("http://a") is not None
    assert logins.get("http://b") is None


def test_an_automatic_login_does_not_change_the_default_address() -> None:
    logins = LoginFile()
    logins.put("http://a", login("one"))
    logins.put("http://b", login("two", automatic=True))
    assert logins.current_url() == "http://a"


def test_old_logins_are_forgotten() -> None:
    logins = LoginFile()
    logins.put("http://old", login("one", hours=-1))
    assert logins.get("http://old") is None
    logins.put("http://new", login("two"))
    assert list(json.loads(logins.path.read_text())["logins"]) == ["http://new"]


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"logins": 3}', '{"logins": {"http://a": {"x": 1}}}'])
def test_a_file_that_makes_no_sense_counts_as_empty(content: str) -> None:
    logins = LoginFile()
    logins.path.parent.mkdir(parents=True)
    logins.path.write_text(content)
    assert logins.get("http://a") is None
    logins.put("http://a", login("one"))
    assert logins.get("http://a") is not None


def test_the_token_s_sources_in_their_order(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    server.on("GET", ME, ADMIN)
    LoginFile().put(server.url, login("saved"))
    connect(server.url).me()
    monkeypatch.setenv("JOBYARD_TOKEN", "environment")
    connect(server.url).me()
    connect(server.url, "argument").me()
    assert sent_tokens(server) == ["Bearer saved", "Bearer environment", "Bearer argument"]


def test_a_saved_token_goes_nowhere_else(server: ScriptedServer, connect: Connect) -> None:
    LoginFile().put("http://other.example", login("secret"))
    server.on("GET", ME, problem(401, "Sign in first."))
    with pytest.raises(Unauthorized, match="jobyard login"):
        connect(server.url).me()
    assert sent_tokens(server) == [None]


def test_on_the_same_machine_it_signs_in_by_itself(
    server: ScriptedServer, home: Path, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    data = home / "data"
    data.mkdir()
    (data / "admin-password").write_text("correct horse\n")
    monkeypatch.setenv("JOBYARD_DATA", str(data))
    server.on("POST", TOKEN, token())
    server.on("GET", ME, ADMIN)
    assert connect(server.url).me().admin
    assert server.asked[0].body == {"username": "admin", "password": "correct horse"}
    assert sent_tokens(server) == ["Bearer fresh"]
    assert LoginFile().get(server.url) is None
    connect(server.url, remember=True).me()
    connect(server.url).me()
    assert server.count("POST", TOKEN) == 2


def test_a_token_that_stopped_counting_is_renewed_once(server: ScriptedServer, home: Path, connect: Connect) -> None:
    (home / ".jobyard").mkdir()
    (home / ".jobyard" / "admin-password").write_text("pw")
    LoginFile().put(server.url, login("old", automatic=True))
    server.on("POST", TOKEN, token("new"))
    server.on("GET", ME, problem(401, "Expired."), ADMIN)
    connect(server.url).me()
    assert sent_tokens(server) == ["Bearer old", "Bearer new"]
    server.on("GET", ME, problem(401, "Never."))
    with pytest.raises(Unauthorized, match="Never"):
        connect(server.url).me()
    assert len(sent_tokens(server)) == 4


def test_a_token_that_was_given_is_never_replaced(server: ScriptedServer, home: Path, connect: Connect) -> None:
    (home / ".jobyard").mkdir()
    (home / ".jobyard" / "admin-password").write_text("pw")
    server.on("GET", ME, problem(401, "Not this one."))
    with pytest.raises(Unauthorized, match="was given"):
        connect(server.url, "given").me()
    assert server.count("POST", TOKEN) == 0


def test_the_password_of_another_platform_is_no_trouble(server: ScriptedServer, home: Path, connect: Connect) -> None:
    (home / ".jobyard").mkdir()
    (home / ".jobyard" / "admin-password").write_text("of another one")
    server.on("POST", TOKEN, problem(401, "Wrong."))
    server.on("GET", ME, problem(401, "Sign in first."))
    with pytest.raises(Unauthorized, match="JOBYARD_DATA"):
        connect(server.url).me()
