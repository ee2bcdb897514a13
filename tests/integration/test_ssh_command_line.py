"""`jobyard ssh`, `port-forward` and `key` as people type them, against the running platform."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.people import Person, add, admin
from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.programs import needs
from tests.support.ssh import Typist, make_key
from tests.support.waiting import wait_until

needs("ssh-keygen")

CUT = 255
MIB = 64
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@dataclass
class Cast:
    """A running job of ada's, whose endpoints are added by the commands themselves."""

    yard: Platform
    ada: Person
    bob: Person
    eve: Person
    job: str
    folder: Path

    def environment(self, person: Person | None = None) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
        token = (person or self.ada).token or ""
        own = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder), "PYTHONPATH": str(CHECKOUT)}
        return clean | own | {"JOBYARD_URL": self.yard.url, "JOBYARD_TOKEN": token}

    def run(self, *arguments: str, who: Person | None = None, **given: Any) -> subprocess.CompletedProcess[bytes]:
        given = given if given.keys() & {"input", "stdin"} else {"stdin": subprocess.DEVNULL}
        environment = self.environment(who)
        return subprocess.run(
            command(*arguments), env=environment, capture_output=True, timeout=240, check=False, **given
        )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "jobyard", *arguments]


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    folder = tmp_path_factory.mktemp("ssh-command-line")
    with platform("v100=1") as yard:
        root = admin(yard)
        root.call("POST", "/vcs", 201, json={"name": "lab"})
        root.call("POST", "/vcs", 201, json={"name": "elsewhere"})
        ada, bob = (add(yard, name, {"lab": "member"}) for name in ("ada", "bob"))
        eve = add(yard, "eve", {"elsewhere": "admin"})
        yield Cast(yard, ada, bob, eve, ada.submit("sleep 1000", vc="lab", grace_period_s=0, cpus=0.01), folder)


# --- keys


def test_a_key_is_added_listed_and_removed(cast: Cast) -> None:
    (cast.folder / ".ssh").mkdir()
    nothing = cast.run("key", "add")
    assert (nothing.returncode, b"ssh-keygen" in nothing.stderr) == (3, True)
    make_key(cast.folder / ".ssh" / "id_ed25519")
    private = cast.run("key", "add", str(cast.folder / ".ssh" / "id_ed25519"))
    assert (private.returncode, b"is a private key" in private.stderr) == (4, True)
    assert cast.run("key", "add").returncode == 0
    assert b"id_ed25519" in cast.run("key", "list").stdout
    again = cast.run("key", "add", "--name", "other")
    assert (again.returncode, b"already, as 'id_ed25519'" in again.stderr) == (4, True)
    assert cast.run("key", "remove", "id_ed25519").returncode == 0
    assert cast.run("key", "remove", "id_ed25519").returncode == 3


# --- sessions


def test_a_command_has_its_own_streams_and_its_exit_status(cast: Cast) -> None:
    done = cast.run("ssh", cast.job, "--", "cat; echo err >&2; exit 7", input=b"in\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in\n", b"err\n")


def test_a_stream_passes_both_ways_at_one_time(cast: Cast) -> None:
    data = os.urandom(1 << 20) * MIB
    done = cast.run("ssh", cast.job, "--", "cat", input=data)
    assert (done.returncode, len(done.stdout)) == (0, len(data))
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(data).digest()


def test_a_shell_has_a_real_terminal(cast: Cast) -> None:
    environment = cast.environment()
    shell = Typist(
        ["env", *(f"{name}={value}" for name, value in environment.items()), *command("ssh", cast.job)], 100, 30
    )
    shell.type("until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; tty\n")
    shell.expect(r"/dev/pts/\d+\r\n")
    shell.resize(120, 40)
    shell.type("until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo resi''zed\n")
    shell.expect("resized")
    shell.type("echo wai''ts; sleep 1000\n")
    shell.expect("waits")
    shell.type("\x03")
    shell.type("echo $(( $? + 1000 ))\n")
    shell.expect("1130")
    shell.type("exit 5\n")
    assert shell.ended() == 5


@contextmanager
def talking(cast: Cast, job: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command in the job that has begun and goes on."""
    arguments = command("ssh", job, "--", "echo in; exec sleep 1000")
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(arguments, env=cast.environment(), **pipes)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_an_interrupt_goes_to_the_command(cast: Cast) -> None:
    with talking(cast, cast.job) as process:
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.poll() is not None, "it ends")
        assert process.returncode == 128 + signal.SIGINT


def test_closing_the_endpoint_cuts_the_session(cast: Cast) -> None:
    job = cast.ada.submit("sleep 1000", vc="lab", grace_period_s=0, cpus=0.01)
    with talking(cast, job) as process:
        cast.ada.call("DELETE", f"/jobs/{job}/endpoints/ssh", 200)
        wait_until(lambda: process.poll() is not None, "it is cut")
        assert process.returncode == CUT
        assert process.stderr is not None
        assert b"The endpoint 'ssh' is closed, which ended this session. ada has closed it." in process.stderr.read()


def test_a_job_that_is_paused_is_not_taken_for_the_end_of_the_command(cast: Cast) -> None:
    job = cast.ada.submit("sleep 1000", vc="lab", grace_period_s=0, cpus=0.01)
    with talking(cast, job) as process:
        cast.ada.call("POST", f"/jobs/{job}/pause", 202)
        wait_until(lambda: process.poll() is not None, "it is ended")
        assert process.returncode == CUT
        assert process.stderr is not None
        assert b"The job is paus" in process.stderr.read()
    cast.ada.call("POST", f"/jobs/{job}/kill", 202)


def test_a_command_is_written_as_for_ssh_itself_and_a_rank_must_be_there(cast: Cast) -> None:
    done = cast.run("ssh", cast.job, "printf", "%s-%s", "-l", "--rank")
    assert (done.returncode, done.stdout) == (0, b"-l---rank")
    missing = cast.run("ssh", cast.job, "--rank", "1", "true")
    assert (missing.returncode, b"its only rank is 0" in missing.stderr) == (2, True)


def test_a_job_that_does_not_run_yet_is_waited_for(cast: Cast) -> None:
    go = cast.folder / "go"
    blocker = cast.ada.submit("sleep 1000", vc="lab", grace_period_s=0, device_type="v100", devices=1)
    job = cast.ada.submit("sleep 1000", vc="lab", grace_period_s=0, device_type="v100", devices=1)
    arguments = command("ssh", job, "--", f"touch {go}")
    process = subprocess.Popen(arguments, env=cast.environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        assert b"waiting until it runs" in process.stderr.readline()
        assert not go.exists()
        cast.ada.call("POST", f"/jobs/{blocker}/kill", 202)
        assert process.wait(120) == 0
        assert go.exists()
    finally:
        process.kill()
        process.communicate()


def test_a_job_that_is_over_is_refused(cast: Cast) -> None:
    job = cast.ada.submit("true", vc="lab", cpus=0.01)
    wait_until(lambda: cast.ada.call("GET", f"/jobs/{job}", 200)["status"] == "finished", "it is over")
    assert cast.run("ssh", job, "--", "true").returncode == 4
    assert cast.run("port-forward", job, "0:8080").returncode == 4


def test_others_are_kept_out(cast: Cast) -> None:
    assert cast.run("ssh", cast.job, "--", "true", who=cast.bob).returncode == 5
    assert cast.run("ssh", cast.job, "--", "true", who=cast.eve).returncode == 3


def test_the_doors_websockets_ask_for_a_token_and_refuse_pages(cast: Cast) -> None:
    cast.ada.call("POST", f"/jobs/{cast.job}/endpoints", 201, json={"name": "ssh"})
    session = f"/endpoints/{cast.job}/ssh/exec"
    tunnel = f"/endpoints/{cast.job}/tunnel/8080"
    with httpx.Client(base_url=cast.yard.door_url, trust_env=False) as door:
        for path in (session, tunnel):
            for headers, status in (
                ({}, 401),
                ({"Authorization": "Bearer nonsense"}, 401),
                ({"Authorization": "Basic x"}, 401),
                (cast.eve.headers(), 404),
                (cast.bob.headers(), 403),
                (cast.ada.headers() | {"Origin": "http://evil.example"}, 403),
            ):
                answer = door.get(path, headers=headers | UPGRADE)
                assert answer.status_code == status, path
                assert answer.headers["content-type"].startswith("application/problem+json")
        for path, status in (
            (tunnel, 403),
            (f"{tunnel}?rank=x", 422),
            (f"{session}?rank=-1", 422),
            (f"{session}?rank=99999", 422),
            (f"{session}?rank=1", 422),
            (f"/endpoints/{cast.job}/tunnel/80", 422),
        ):
            assert door.get(path, headers=cast.ada.headers() | UPGRADE).status_code == status, path
        assert door.get(session, headers=cast.ada.headers()).status_code == 400


# --- ports

ECHO = """
import pathlib, socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
        self.request.sendall(b"<end>")
class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
with Server(("127.0.0.1", 0), Echo) as server:
    pathlib.Path(sys.argv[1]).write_text(str(server.server_address[1]))
    server.serve_forever()
"""


def echoed(port: int, data: bytes) -> bytes:
    """What comes back for this, after its end was said."""
    pieces: list[bytes] = []
    with closing(socket.create_connection(("127.0.0.1", port), 60)) as connection:

        def send() -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        while piece := connection.recv(1 << 16):
            pieces.append(piece)
        sender.join()
    return b"".join(pieces)


def entered(cast: Cast, job: str) -> set[tuple[str, str, str]]:
    """Who went into this job by which endpoint and from where, as the audit says."""
    wanted = {"target": f"job/{job}", "action": "endpoint.entered"}
    items = admin(cast.yard).call("GET", "/audit", 200, params=wanted)["items"]
    return {(item["actor"], item["details"]["name"], item["address"]) for item in items}


def test_a_port_of_this_machine_leads_to_a_plain_tcp_service_of_the_job(cast: Cast) -> None:
    script, said = cast.folder / "echo.py", cast.folder / "port"
    script.write_text(ECHO)
    job = cast.ada.submit(f"exec python3 {script} {said}", vc="lab", grace_period_s=0, cpus=0.01)
    wait_until(lambda: said.exists() and said.read_text(), "it serves")
    arguments = command("port-forward", job, f"0:{said.read_text()}")
    process = subprocess.Popen(arguments, env=cast.environment(), stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        port = int(line.split(" ")[0].rpartition(":")[2])
        data = os.urandom(1 << 20) * 8
        for _ in range(2):
            assert echoed(port, data) == data + b"<end>"
        assert echoed(port, b"") == b"<end>"
        wait_until(
            lambda: entered(cast, job) == {("ada", f"port-{said.read_text()}", "127.0.0.1")}, "it is in the audit"
        )
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.poll() is not None, "Ctrl-C ends it")
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ports", ["x", "1:2:3", "0:80", "-1:8080", "70000:8080", "8080:70000", ""])
def test_what_are_no_ports_is_refused(cast: Cast, ports: str) -> None:
    assert cast.run("port-forward", cast.job, "--", ports).returncode == 4
