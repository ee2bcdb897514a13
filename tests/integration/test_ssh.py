"""SSH into running jobs with the OpenSSH client: sessions, files, forwarding, and who is kept out."""

import hashlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.ids import new_id
from tests.support.people import Person, add, admin
from tests.support.platform import Platform, platform
from tests.support.ports import free_port
from tests.support.programs import needs
from tests.support.separate import SERVICES, separate_services
from tests.support.ssh import Ssh, Typist, make_key, run
from tests.support.waiting import wait_until

needs("ssh", "scp", "sftp", "ssh-keygen", "sftp-server")

DENIED = b"Permission denied (publickey)."
FILE_MIB = int(os.environ.get("JOBYARD_TEST_SSH_MIB", "64"))
"""The size of the file that is copied, 1024 for the whole promise."""


@dataclass
class Cast:
    """A running job of ada's, and people with keys."""

    yard: Platform
    root: Person
    ada: Person
    bob: Person
    eve: Person
    ssh: Ssh
    bobs: Ssh
    eves: Ssh
    job: str
    folder: Path


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    folder = tmp_path_factory.mktemp("ssh")
    with platform() as yard:
        root = admin(yard)
        root.call("POST", "/vcs", 201, json={"name": "lab"})
        root.call("POST", "/vcs", 201, json={"name": "elsewhere"})
        ada, bob = (add(yard, name, {"lab": "member"}) for name in ("ada", "bob"))
        eve = add(yard, "eve", {"elsewhere": "admin"})
        clients = {
            name: Ssh.of(person, yard.ssh_port, folder) for name, person in (("ssh", ada), ("bobs", bob), ("eves", eve))
        }
        job = running(ada)
        yield Cast(yard=yard, root=root, ada=ada, bob=bob, eve=eve, job=job, folder=folder, **clients)


def running(person: Person, command: str = "sleep 1000") -> str:
    """A job of this person's that runs and may be entered by SSH."""
    id = person.submit(command, vc="lab", endpoints=["ssh"], grace_period_s=0, cpus=0.01)
    ready(person, id)
    return id


def ready(person: Person, id: str) -> None:
    def open_now() -> bool:
        items = person.call("GET", f"/jobs/{id}/endpoints", 200)["items"]
        return [item["status"] for item in items if item["name"] == "ssh"] == ["ready"]

    wait_until(open_now, "the endpoint is ready")


# --- sessions


def test_a_command_has_its_own_streams_and_its_exit_status(cast: Cast) -> None:
    done = cast.ssh.run(cast.job, "cat; echo err >&2; exit 7", input=b"in\n")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in\n", b"err\n")


def test_a_command_runs_in_the_job_itself(cast: Cast) -> None:
    own = cast.folder / "own"
    tell = 'echo "$PWD|$JOBYARD_JOB_ID|$JOBYARD_RUN_ID|$JOBYARD_CHECKPOINT_DIR"'
    job = running(cast.ada, f"{tell} >{own}; sleep 1000")
    wait_until(lambda: own.exists() and own.read_text(), "the job has told")
    assert cast.ssh.run(job, tell).stdout.decode() == own.read_text()
    assert job in own.read_text()


def test_only_the_language_of_the_clients_environment_goes_along(cast: Cast) -> None:
    given = os.environ | {"LC_TIME": "C.UTF-8", "LD_PRELOAD_OF_MINE": "x"}
    options = ("-o", "SendEnv=LC_TIME", "-o", "SendEnv=LD_PRELOAD_OF_MINE")
    done = cast.ssh.run(cast.job, 'echo "$LC_TIME|$LD_PRELOAD_OF_MINE"', options=options, env=given)
    assert done.stdout == b"C.UTF-8|\n"


def test_a_job_id_may_be_written_in_small_letters_and_with_a_rank(cast: Cast) -> None:
    assert cast.ssh.run(f"{cast.job.lower()}.0", "echo in").stdout == b"in\n"


def test_a_program_that_a_signal_ended_is_no_success(cast: Cast) -> None:
    assert cast.ssh.run(cast.job, "kill -TERM $$").returncode == 255


def test_a_shell_has_a_real_terminal(cast: Cast) -> None:
    shell = Typist(cast.ssh.command(cast.job, options=("-tt",)), columns=100, rows=30)
    shell.type("stty size; tty; echo $TERM-is-set\n")
    shell.expect(r"30 100\r\n/dev/pts/\d+\r\n\S+-is-set")
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


def test_what_a_session_started_ends_with_its_connection(cast: Cast) -> None:
    shell = Typist(cast.ssh.command(cast.job, options=("-tt",)))
    shell.type("echo pid=$$\n")
    pid = int(shell.expect(r"pid=(\d+)")[1])
    os.kill(shell.pid, 9)
    shell.ended()
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the shell is gone")


# --- files


@pytest.fixture(scope="module")
def large(cast: Cast) -> Path:
    path = cast.folder / "large"
    piece = os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(FILE_MIB):
            file.write(number.to_bytes(8, "big") + piece[8:])
    return path


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.timeout(900)
def test_scp_copies_a_large_file_both_ways(cast: Cast, large: Path) -> None:
    there, back = cast.folder / "scp-there", cast.folder / "scp-back"
    options = ["scp", *cast.ssh.options("-P")]
    assert run([*options, str(large), f"{cast.job}@127.0.0.1:{there}"]).returncode == 0
    assert run([*options, f"{cast.job}@127.0.0.1:{there}", str(back)]).returncode == 0
    assert digest(large) == digest(there) == digest(back)


@pytest.mark.timeout(900)
def test_sftp_copies_a_large_file_both_ways(cast: Cast, large: Path) -> None:
    there, back = cast.folder / "sftp-there", cast.folder / "sftp-back"
    script = f"put {large} {there}\nget {there} {back}\nls {cast.folder}\n"
    done = run(["sftp", "-b", "-", *cast.ssh.options("-P"), f"{cast.job}@127.0.0.1"], input=script.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert digest(large) == digest(there) == digest(back)


@pytest.mark.timeout(900)
def test_a_stream_passes_both_ways_at_one_time(cast: Cast, large: Path) -> None:
    with large.open("rb") as file:
        done = cast.ssh.run(cast.job, "cat", stdin=file)
    assert done.returncode == 0
    assert hashlib.sha256(done.stdout).hexdigest() == digest(large)


HELD_MIB = 64
"""What the ways between the two ends hold at most, of a gigabyte: pipes, sockets, SSH windows and ours."""


def written(pid: int) -> int:
    """Bytes that a process has written so far."""
    fields = Path(f"/proc/{pid}/io").read_text().split()
    return int(fields[fields.index("wchar:") + 1])


def settled(value: Callable[[], int]) -> int:
    """A number that has stopped growing."""
    seen = [-1, value()]

    def stands() -> bool:
        time.sleep(0.5)
        seen.append(value())
        return seen[-1] == seen[-2] > 0

    wait_until(stands, "it stands still")
    return seen[-1]


@pytest.mark.timeout(900)
def test_a_client_that_does_not_read_stops_the_program_that_writes(cast: Cast) -> None:
    count = 1 << 30
    command = cast.ssh.command(cast.job, f"echo $$ >&2; exec head -c {count} /dev/zero")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        pid = int(process.stderr.readline())
        assert settled(lambda: written(pid)) < HELD_MIB << 20
        size = 0
        while data := process.stdout.read(1 << 20):
            size += len(data)
        assert size == count
    assert process.returncode == 0


@pytest.mark.timeout(900)
def test_a_program_that_does_not_read_stops_the_client_that_writes(cast: Cast) -> None:
    go = cast.folder / "go"
    count = 1 << 30
    command = cast.ssh.command(cast.job, f"until [ -e {go} ]; do sleep 0.05; done; wc -c")
    with (
        subprocess.Popen(["head", "-c", str(count), "/dev/zero"], stdout=subprocess.PIPE) as source,
        subprocess.Popen(command, stdin=source.stdout, stdout=subprocess.PIPE) as process,
    ):
        assert settled(lambda: written(source.pid)) < HELD_MIB << 20
        go.touch()
        said, _ = process.communicate()
    assert (process.returncode, int(said)) == (0, count)


# --- forwarding


SERVER = """
import http.server, pathlib, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
pathlib.Path(sys.argv[1]).write_text(str(server.server_port))
server.serve_forever()
"""


@pytest.fixture(scope="module")
def served(cast: Cast) -> tuple[str, int]:
    """A job of ada's that serves its folder over HTTP, and its port."""
    script, said = cast.folder / "server.py", cast.folder / "port"
    script.write_text(SERVER)
    (cast.folder / "index.html").write_text("from the job")
    job = running(cast.ada, f"cd {cast.folder}; exec python3 {script} {said}")
    wait_until(lambda: said.exists() and said.read_text(), "it serves")
    return job, int(said.read_text())


def fetched(port: int, path: str = "/index.html") -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), 30)) as connection:
        return get(connection, path)


def get(connection: socket.socket, path: str) -> bytes:
    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    connection.shutdown(socket.SHUT_WR)
    with connection.makefile("rb") as file:
        return file.read()


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_local_port_leads_to_one_of_the_jobs_own(cast: Cast, served: tuple[str, int]) -> None:
    job, port = served
    local = free_port()
    with cast.ssh.kept(job, "-L", f"{local}:localhost:{port}"):
        wait_until(lambda: listens(local), "ssh listens")
        for _ in range(3):
            assert fetched(local).endswith(b"\r\n\r\nfrom the job")


@pytest.mark.timeout(900)
def test_a_large_file_passes_through_a_forwarded_port(cast: Cast, served: tuple[str, int], large: Path) -> None:
    job, port = served
    local = free_port()
    with cast.ssh.kept(job, "-L", f"{local}:127.0.0.1:{port}"):
        wait_until(lambda: listens(local), "ssh listens")
        body = fetched(local, f"/{large.name}").partition(b"\r\n\r\n")[2]
    assert hashlib.sha256(body).hexdigest() == digest(large)


def through(proxy: int, host: str, port: int) -> tuple[int, bytes]:
    """What a SOCKS proxy answers to this address, and what is there."""
    with closing(socket.create_connection(("127.0.0.1", proxy), 30)) as connection:
        connection.sendall(b"\x05\x01\x00")
        assert connection.recv(2) == b"\x05\x00"
        name = host.encode()
        connection.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
        answer = connection.recv(10)
        if len(answer) < 2 or answer[1] != 0:
            return (answer[1] if len(answer) > 1 else 255), b""
        return 0, get(connection, "/index.html")


def test_dynamic_forwarding_leads_into_the_job_and_nowhere_else(cast: Cast, served: tuple[str, int]) -> None:
    job, port = served
    foreign = socket.create_server(("127.0.0.1", 0))
    local = free_port()
    with foreign, cast.ssh.kept(job, "-D", str(local)):
        wait_until(lambda: listens(local), "ssh listens")
        for host in ("localhost", "127.0.0.1", "::1", "LOCALHOST"):
            status, said = through(local, host, port)
            assert (status, said.endswith(b"from the job")) == (0, True), host
        for host, there in (
            ("169.254.169.254", 80),
            ("169.254.169.254", port),
            ("::ffff:169.254.169.254", port),
            ("::ffff:127.0.0.1", port),
            ("2130706433", port),
            ("127.0.0.2", port),
            ("0.0.0.0", port),
            ("localhost.example.org", port),
            (socket.gethostname(), port),
            ("localhost", 22),
            ("localhost", cast.yard.port),
            ("localhost", cast.yard.ssh_port),
            ("localhost", foreign.getsockname()[1]),
        ):
            assert through(local, host, there)[0] != 0, (host, there)
        foreign.setblocking(False)
        with pytest.raises(BlockingIOError):
            foreign.accept()


def test_the_ports_of_the_node_are_not_to_be_found_out(cast: Cast) -> None:
    def said(port: int) -> str:
        options = ("-o", "LogLevel=INFO", "-W", f"localhost:{port}")
        lines = cast.ssh.run(cast.job, options=options).stderr.decode().splitlines()
        return next(line for line in lines if "open failed" in line).replace(str(port), "P")

    with closing(socket.create_server(("127.0.0.1", 0))) as foreign:
        taken, silent = said(foreign.getsockname()[1]), said(free_port())
    assert taken == silent
    assert "Port P does not lead into this job" in silent


def test_nothing_leads_from_the_platform_back_to_the_client(cast: Cast) -> None:
    options = ("-o", "ExitOnForwardFailure=yes", "-R", f"{free_port()}:localhost:22")
    assert cast.ssh.run(cast.job, "true", options=options).returncode == 255
    ask = 'echo "agent=$SSH_AUTH_SOCK display=$DISPLAY"'
    agent = cast.ssh.run(cast.job, ask, options=("-A", "-X"), env=os.environ | {"DISPLAY": "127.0.0.1:7"})
    assert agent.stdout == b"agent= display=\n"


# --- who is kept out


def test_whoever_may_not_enter_is_told_the_same_words(cast: Cast, tmp_path: Path) -> None:
    make_key(tmp_path / "nobodys")
    nobody = Ssh(cast.yard.ssh_port, tmp_path / "nobodys", cast.ssh.known_hosts)
    said = {
        "a key that nobody has": nobody.run(cast.job, "true"),
        "another member's job": cast.bobs.run(cast.job, "true"),
        "another virtual cluster's job": cast.eves.run(cast.job, "true"),
        "a job that does not exist": cast.ssh.run(new_id(), "true"),
        "no job id": cast.ssh.run("root", "true"),
        "a rank that cannot be": cast.ssh.run(f"{cast.job}.99999", "true"),
        "a wildcard": cast.ssh.run("*", "true"),
    }
    for what, done in said.items():
        assert done.returncode == 255, what
        assert done.stderr.strip().endswith(DENIED), what
        assert done.stderr.replace(done.stderr.split(b"@")[0], b"").strip() == b"@127.0.0.1: " + DENIED, what


def test_a_password_is_not_even_asked_for(cast: Cast) -> None:
    options = ("-o", "PreferredAuthentications=password,keyboard-interactive,hostbased")
    done = cast.ssh.run(cast.job, "true", options=options)
    assert (done.returncode, DENIED in done.stderr) == (255, True)


@pytest.mark.parametrize("cipher", ["chacha20-poly1305@openssh.com", "aes128-cbc", "3des-cbc"])
def test_other_ciphers_are_not_spoken(cast: Cast, cipher: str) -> None:
    done = cast.ssh.run(cast.job, "true", options=("-c", cipher, "-o", "LogLevel=INFO"))
    assert done.returncode == 255
    assert b"matching" in done.stderr, done.stderr


@pytest.mark.parametrize("cipher", ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes256-ctr"])
def test_these_ciphers_are_spoken(cast: Cast, cipher: str) -> None:
    assert cast.ssh.run(cast.job, "true", options=("-c", cipher)).returncode == 0


def test_a_job_that_is_over_says_so_on_the_terminal(cast: Cast) -> None:
    job = running(cast.ada)
    cast.ada.call("POST", f"/jobs/{job}/kill", 202)
    wait_until(lambda: cast.ada.call("GET", f"/jobs/{job}", 200)["status"] == "killed", "it is over")

    def told() -> bool:
        done = cast.ssh.run(job, "true")
        return done.returncode == 255 and b"The job is over" in done.stderr

    wait_until(told, "it is said")


def test_a_rank_that_the_job_does_not_have_is_said_with_those_it_has(cast: Cast) -> None:
    done = cast.ssh.run(f"{cast.job}.1", "true")
    assert (done.returncode, b"The job has 1 node; its only rank is 0." in done.stderr) == (255, True)


def test_a_job_without_the_endpoint_says_how_to_add_it(cast: Cast) -> None:
    job = cast.ada.submit("sleep 1000", vc="lab", grace_period_s=0, cpus=0.01)
    done = cast.ssh.run(job, "true")
    assert (done.returncode, f"jobyard endpoint add {job} ssh".encode() in done.stderr) == (255, True)
    local = free_port()
    with cast.ssh.kept(job, "-L", f"{local}:localhost:8080") as nowhere:
        wait_until(lambda: nowhere.poll() is not None, "who is led nowhere is not kept")
        assert nowhere.stderr is not None
        assert b"jobyard endpoint add" in nowhere.stderr.read()
    cast.ada.call("POST", f"/jobs/{job}/endpoints", 201, json={"name": "ssh"})
    wait_until(lambda: cast.ssh.run(job, "true").returncode == 0, "it may be entered")


def test_silent_connections_keep_nobody_out(cast: Cast) -> None:
    with ExitStack() as stack:
        waiting = [
            stack.enter_context(socket.create_connection(("127.0.0.1", cast.yard.ssh_port), 30)) for _ in range(25)
        ]
        for connection in waiting:
            assert connection.recv(4) == b"SSH-"
        assert cast.ssh.run(cast.job, "true").returncode == 0
        wait_until(lambda: is_over(waiting[0]), "the oldest of them has made room")


def is_over(connection: socket.socket) -> bool:
    try:
        return connection.recv(1024) == b""
    except ConnectionError:
        return True


# --- who went in is known


def test_who_went_in_is_in_the_audit_once_and_shown_to_the_owner(cast: Cast) -> None:
    job = running(cast.ada)
    for _ in range(3):
        assert cast.ssh.run(job, "true").returncode == 0

    def entered() -> list[dict[str, object]]:
        found = cast.root.call("GET", "/audit", 200, params={"target": f"job/{job}", "action": "endpoint.entered"})
        return list(found["items"])

    wait_until(entered, "it is in the audit")
    [entry] = entered()
    assert (entry["actor"], entry["address"], entry["token"]) == ("ada", "127.0.0.1", None)
    details = entry["details"]
    assert isinstance(details, dict)
    assert (details["name"], details["key"], details["owner"]) == ("ssh", "laptop", "ada")

    def used_by() -> object:
        [endpoint] = cast.ada.call("GET", f"/jobs/{job}/endpoints", 200)["items"]
        return endpoint["last_used_by"]

    wait_until(lambda: used_by() == "ada", "the owner sees who used it last")


# --- what is lost is cut


@contextmanager
def held(ssh: Ssh, job: str, *says: bytes) -> Iterator[subprocess.Popen[bytes]]:
    """A session that goes on by itself; whatever cuts it, its client ends with 255, and has said so."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(ssh.command(job, "echo in; sleep 1000"), **pipes)  # type: ignore[call-overload]
    try:
        assert process.stdout.readline() == b"in\n"
        yield process
        wait_until(lambda: process.poll() is not None, "it is cut")
        assert process.returncode == 255
        said = process.stderr.read()
        assert not says or any(sentence in said for sentence in says), said
    finally:
        process.kill()
        process.communicate()


def test_closing_the_endpoint_cuts_who_is_connected(cast: Cast) -> None:
    job = running(cast.ada)
    local = free_port()
    with held(cast.ssh, job, b"has no endpoint 'ssh'"), cast.ssh.kept(job, "-L", f"{local}:localhost:8080") as idle:
        wait_until(lambda: listens(local), "it is connected")
        cast.ada.call("DELETE", f"/jobs/{job}/endpoints/ssh", 200)
        wait_until(lambda: idle.poll() is not None, "a connection that carries nothing is cut as well")


def test_the_end_of_the_job_cuts_who_is_connected(cast: Cast) -> None:
    job = running(cast.ada)
    with held(cast.ssh, job, b"Ended by SIG", b"The program is gone", b"does not run now", b"is over", b"has ended"):
        cast.ada.call("POST", f"/jobs/{job}/kill", 202)


def test_a_key_that_is_removed_cuts_whom_it_let_in(cast: Cast) -> None:
    other = Ssh.of(cast.ada, cast.yard.ssh_port, cast.folder, "phone")
    [key] = [key for key in cast.ada.call("GET", "/me/keys", 200)["items"] if key["name"] == "phone"]
    with held(other, cast.job, b"This SSH key does not count"):
        cast.ada.call("DELETE", f"/me/keys/{key['id']}", 204)
    assert other.run(cast.job, "true").stderr.strip().endswith(DENIED)
    assert cast.ssh.run(cast.job, "true").returncode == 0


def test_losing_the_virtual_cluster_cuts_who_is_connected(cast: Cast) -> None:
    try:
        with held(cast.ssh, cast.job, b"do not belong to the virtual cluster"):
            cast.root.call("PATCH", "/users/ada", 200, json={"vcs": {"lab": None}})
    finally:
        cast.root.call("PATCH", "/users/ada", 200, json={"vcs": {"lab": "member"}})
    wait_until(lambda: cast.ssh.run(cast.job, "true").returncode == 0, "it may be entered again")


def test_a_disabled_account_is_cut(cast: Cast) -> None:
    dora = add(cast.yard, "dora", {"lab": "admin"})
    client = Ssh.of(dora, cast.yard.ssh_port, cast.folder)
    with held(client, cast.job):
        cast.root.call("PATCH", "/users/dora", 200, json={"disabled": True})


# --- replicas and restarts


def test_the_bastion_is_the_same_host_after_it_died(cast: Cast) -> None:
    with held(cast.ssh, cast.job):
        cast.yard.kill_part("endpoints")
    before = cast.ssh.known_hosts.read_text()
    wait_until(lambda: cast.ssh.run(cast.job, "true").returncode == 0, "it may be entered again")
    assert cast.ssh.known_hosts.read_text() == before


def test_two_replicas_are_one_host_and_both_lead_into_the_job(tmp_path: Path) -> None:
    with separate_services((*SERVICES, "endpoints-2")) as yard:
        admin(yard).call("POST", "/vcs", 201, json={"name": "lab"})
        person = add(yard, "ada", {"lab": "member"})
        first = Ssh.of(person, yard.ssh_port, tmp_path)
        second = Ssh(yard.doors["endpoints-2"][1], first.key, tmp_path / "known_hosts-2")
        job = running(person)
        for client in (first, second):
            assert client.run(job, "echo in").stdout == b"in\n"
        [one], [other] = (client.known_hosts.read_text().splitlines() for client in (first, second))
        assert one.split()[1:] == other.split()[1:]
        with held(second, job):
            person.call("POST", f"/jobs/{job}/kill", 202)
        wait_until(lambda: person.call("GET", f"/jobs/{job}", 200)["status"] == "killed", "nothing is left of it")
