"""`jobyard user`, `vc`, `token`, `audit` and `login --oidc` against the running platform, as people type them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobyard import Client, Conflict, Forbidden, Role, Scope, Unauthorized
from tests.support.oidc import Issuer, issuer, settings, who
from tests.support.people import PASSWORD
from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.waiting import wait_until

USAGE, NOT_FOUND, REFUSED, NOT_SIGNED_IN = 2, 3, 4, 5


@pytest.fixture(scope="module")
def idp() -> Iterator[Issuer]:
    with issuer() as running:
        yield running


@pytest.fixture(scope="module")
def yard(idp: Issuer) -> Iterator[Platform]:
    with platform(**settings(idp)) as running:
        yield running


class Shell:
    """Runs `jobyard ...` with a home of its own; `data`: the platform's, so that it signs in as admin by itself."""

    def __init__(self, yard: Platform, home: Path, data: Path | None) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
        mine = {"JOBYARD_URL": yard.url, "JOBYARD_DATA": str(data or home), "XDG_CONFIG_HOME": str(home)}
        self.environment = clean | mine | {"PYTHONPATH": str(CHECKOUT), "COLUMNS": "300"}
        self._home = home

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "jobyard", *words],
            env=self.environment,
            cwd=self._home,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def __call__(self, *words: str, stdin: str = "", code: int = 0) -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def root(yard: Platform, tmp_path: Path) -> Shell:
    (tmp_path / "root").mkdir()
    return Shell(yard, tmp_path / "root", yard.data)


@pytest.fixture
def person(yard: Platform, tmp_path: Path) -> Shell:
    (tmp_path / "person").mkdir()
    return Shell(yard, tmp_path / "person", None)


def test_an_administrator_makes_people_and_virtual_clusters(root: Shell) -> None:
    root("vc", "add", "lab-a", "--closed", "--max-priority", "500", "--jobs-per-user", "3")
    ada = ("ada", "--email", "ada@example.org", "--vc", "lab-a:admin")
    root("user", "add", *ada, "--password-stdin", stdin=f"{PASSWORD}\n")
    root("user", "add", "bob", "--password-stdin", stdin=f"{PASSWORD}\n")
    users = {user["name"]: user for user in json.loads(root("user", "list", "--json"))}
    assert users["ada"]["vcs"] == {"lab-a": "admin"}
    assert users["bob"]["vcs"] == {"default": "member"}
    row = next(line for line in root("user", "list").splitlines() if line.startswith("ada "))
    assert row.split()[1:5] == ["ada@example.org", "no", "lab-a:admin", "enabled"]
    root("vc", "set", "lab-a", "--open", "--max-priority", "none", "--max-duration", "60", "--endpoint-idle", "600")
    vcs = {vc["name"]: vc for vc in json.loads(root("vc", "list", "--json"))}
    changed = vcs["lab-a"]
    assert (changed["open"], changed["max_priority"], changed["max_duration_s"], changed["jobs_per_user"]) == (
        True,
        None,
        60,
        3,
    )
    assert changed["endpoint_idle_s"] == 600
    assert root("vc", "member", "lab-a", "bob", "--role", "admin") == "bob is admin of lab-a now.\n"
    assert root("vc", "member", "lab-a", "bob", "--role", "none") == "bob is no member of lab-a now.\n"
    assert any(line.split()[:3] == ["lab-a", "-", "yes"] for line in root("vc", "list").splitlines())
    root("vc", "add", "lab-a", code=REFUSED)
    root("vc", "set", "lab-a", code=REFUSED)
    root("vc", "set", "lab-a", "--max-priority", "high", code=REFUSED)
    root("vc", "member", "lab-a", "nobody", code=NOT_FOUND)
    root("vc", "member", "lab-a", "bob", "--role", "owner", code=REFUSED)
    root("user", "add", "eve", "--vc", "lab-a:owner", "--password-stdin", stdin="x\n", code=REFUSED)


def test_passwords_come_from_standard_input_and_never_from_arguments(
    yard: Platform, root: Shell, person: Shell
) -> None:
    root("user", "add", "cleo", "--password-stdin", stdin=f"{PASSWORD}\n")
    person("login", "--username", "cleo", "--password-stdin", stdin=f"{PASSWORD}\n")
    person("user", "passwd", "--password-stdin", stdin=f"{PASSWORD}\nanother long one\n")
    person("login", "--username", "cleo", "--password-stdin", stdin=f"{PASSWORD}\n", code=NOT_SIGNED_IN)
    changed = root("user", "passwd", "cleo", "--password-stdin", "--json", stdin="given by somebody\n")
    assert json.loads(changed)["name"] == "cleo" and "given by" not in changed
    person("login", "--username", "cleo", "--password-stdin", stdin="given by somebody\n")
    done = root.run("user", "passwd", "cleo", "--password-stdin")
    assert (done.returncode, "standard input" in done.stderr) == (REFUSED, True)
    for words in (("user", "add", "dora"), ("user", "passwd"), ("login",)):
        assert "--password " not in root(*words, "--help").replace("--password-stdin", "")


def test_a_disabled_user_is_signed_out_until_enabled(root: Shell, person: Shell) -> None:
    root("user", "add", "dan", "--password-stdin", stdin=f"{PASSWORD}\n")
    person("login", "--username", "dan", "--password-stdin", stdin=f"{PASSWORD}\n")
    person("list")
    root("user", "disable", "dan")
    wait_until(lambda: person.run("list").returncode == NOT_SIGNED_IN, "it counts")
    person("login", "--username", "dan", "--password-stdin", stdin=f"{PASSWORD}\n", code=NOT_SIGNED_IN)
    root("user", "enable", "dan")
    person("login", "--username", "dan", "--password-stdin", stdin=f"{PASSWORD}\n")
    person("user", "list", code=NOT_SIGNED_IN)
    root("user", "disable", "nobody", code=NOT_FOUND)


def test_users_and_virtual_clusters_are_removed_only_if_that_is_meant(root: Shell) -> None:
    root("vc", "add", "short-lived")
    root("user", "add", "fay", "--password-stdin", stdin=f"{PASSWORD}\n")
    for words in (("user", "remove", "fay"), ("vc", "remove", "short-lived")):
        unsure = root.run(*words)
        assert unsure.returncode == USAGE and "give --yes if that is meant" in unsure.stderr
    assert root("user", "remove", "fay", "--yes") == "Removed the user fay; the name stays taken.\n"
    removed = "Removed the virtual cluster short-lived; the name stays taken.\n"
    assert root("vc", "remove", "short-lived", "--yes") == removed
    root("user", "remove", "fay", "--yes", code=NOT_FOUND)
    root("vc", "remove", "default", "--yes", code=REFUSED)


def test_a_token_is_printed_once_used_and_revoked_by_its_name(root: Shell, person: Shell) -> None:
    token = root("token", "add", "nightly").strip()
    assert token.startswith("jy_")
    assert token not in root("token", "list")
    person.environment["JOBYARD_TOKEN"] = token
    person("list")
    person("submit", "--name", "x", "--", "true", code=NOT_SIGNED_IN)
    acting = json.loads(root("token", "add", "acting", "--scope", "act", "--json"))
    person.environment["JOBYARD_TOKEN"] = acting["token"]
    person("submit", "--name", "x", "--wait", "--", "true")
    root("token", "add", "acting", code=REFUSED)
    root("token", "revoke", "acting")
    wait_until(lambda: person.run("list").returncode == NOT_SIGNED_IN, "it counts")
    root("token", "revoke", "acting", code=NOT_FOUND)
    assert [token["name"] for token in json.loads(root("token", "list", "--json"))] == ["nightly"]


def test_the_audit_on_a_terminal_and_as_json_lines(root: Shell) -> None:
    root("vc", "add", "lab-z")
    root("vc", "set", "lab-z", "--closed")
    lines = [json.loads(line) for line in root("audit", "--target", "vc/lab-z", "--json").splitlines()]
    assert [(entry["actor"], entry["action"]) for entry in lines] == [("admin", "vc.changed"), ("admin", "vc.created")]
    assert len(root("audit", "--action", "vc.created", "-n", "1", "--json").splitlines()) == 1
    row = root("audit", "--target", "vc/lab-z").splitlines()[1]
    assert "vc.changed" in row
    assert '{"before": {"open": true}, "after": {"open": false}}' in row
    assert root("audit", "--actor", "nobody") == ""
    assert root("audit", "--after", "2999-01-01", "--json") == ""
    root("audit", "--action", "$ne", code=REFUSED)


def test_login_at_the_issuer_shows_a_code_and_waits_until_it_is_confirmed(idp: Issuer, person: Shell) -> None:
    who(idp, "olga", "everybody")
    idp.refuses, idp.forge = None, None
    login = subprocess.Popen(
        [sys.executable, "-m", "jobyard", "login", "--oidc"],
        env=person.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert login.stderr is not None
    assert login.stderr.readline() == f"Open {idp.url}/activate in a browser, and confirm the code ABCD-EFGH.\n"
    wait_until(lambda: idp.asked["/token"] > 0, "it asks whether it is confirmed")
    idp.confirmed = True
    out, _ = login.communicate(timeout=60)
    assert (login.returncode, out.rpartition(" as ")[2]) == (0, "olga.\n")
    person("submit", "--name", "x", "--wait", "--", "true")


def test_the_same_from_python(yard: Platform, root: Shell) -> None:
    token = root("token", "add", "python", "--scope", "act").strip()
    with Client(yard.url, token) as client:
        user = client.people.add_user("pia", PASSWORD, vcs={"default": "member"})
        assert (user.name, user.vcs) == ("pia", {"default": Role.MEMBER})
        with pytest.raises(Conflict):
            client.people.add_user("pia", PASSWORD)
        client.people.add_vc("lab-p", open=False)
        assert client.people.set_role("lab-p", "pia", Role.ADMIN).vcs == {"default": Role.MEMBER, "lab-p": Role.ADMIN}
        assert "pia" in [user.name for user in client.people.users(page_size=1)]
        with pytest.raises(Forbidden):
            client.people.add_token("another", Scope.ACT)
        entries = list(client.people.audit(target="user/pia", page_size=1))
        assert [entry.action for entry in entries] == ["user.changed", "user.created"]
        client.people.change_user("pia", disabled=True)
        assert client.me().name == "admin"
    with Client(yard.url, "jy_nothing") as client, pytest.raises(Unauthorized):
        client.me()


# --- images


def test_a_clusters_image_and_what_it_is_pulled_with_are_set_from_the_command_line(root: Shell) -> None:
    root("vc", "add", "imaging", "--image", "registry.lab:5000/team/train:3")
    assert "registry.lab:5000/team/train:3" in root("vc", "list")
    assert "must be a name such as" in root.run("vc", "set", "imaging", "--image", "Team/Train").stderr
    root(
        "vc", "registry", "set", "imaging", "registry.lab:5000", "--user", "robot", "--password-stdin", stdin="canary\n"
    )
    listed = root("vc", "registry", "list", "imaging")
    assert "registry.lab:5000" in listed and "canary" not in listed and "robot" not in listed
    root("vc", "registry", "remove", "imaging", "registry.lab:5000")
    root("vc", "registry", "remove", "imaging", "registry.lab:5000", code=NOT_FOUND)
    root("vc", "set", "imaging", "--image", "none")
    assert "registry.lab" not in root("vc", "list")
