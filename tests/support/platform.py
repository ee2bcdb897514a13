"""The whole platform for a test or a benchmark, as `jobyard up` starts it, with a client that speaks plain HTTP."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from shared.embedded_nats import url_in
from tests.support.groups import clear_groups
from tests.support.ports import free_port, free_ports
from tests.support.waiting import LONG_S, wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
TERMINAL = {"finished", "failed", "error", "killed"}
PARTS = ("nats-server", "core", "executor", "gateway", "endpoints")


class Platform:
    """One installation under a data folder of its own."""

    def __init__(self, data: Path, simulate: str | None = None, environment: dict[str, str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.door_port = free_port()
        self.ssh_port = free_port()
        self._arguments = ["--port", str(self.port), "--data", str(data)]
        self._arguments += ["--door-port", str(self.door_port), "--ssh-port", str(self.ssh_port)]
        first = free_ports(len(PARTS) - 1)
        self.metrics = {part: f"127.0.0.1:{first + index}" for index, part in enumerate(PARTS[1:])}
        """Where Prometheus reads what each part measures."""
        self._arguments += ["--metrics-port", str(first)]
        self._arguments += ["--simulate", simulate] if simulate else []
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
        clean["HOME"] = str(data.parent)  # what shells in jobs read and leave behind is none of this machine's own
        self._environment = clean | {"PYTHONPATH": str(CHECKOUT)} | (environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._token: str | None = None
        self._parts: dict[str, int] = {}
        self.log = data.with_suffix(".log")
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def set(self, **environment: str) -> None:
        """More of its environment, from the next start on."""
        self._environment |= environment

    @property
    def door_url(self) -> str:
        """Of the door to Jupyter, TensorBoard and interactive ports, which is another origin than the API's."""
        return f"http://127.0.0.1:{self.door_port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, within: float = 240.0) -> None:
        """Return when it says that it is ready."""
        with self.log.open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.embedded", *self._arguments],
                cwd=self.data.parent,
                env=self._environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        wait_until(lambda: self._said(f"ready {self.url}", begin) or self._ended(), "the platform is ready", within)
        assert self._process.poll() is None, self.output()
        own = "JOBYARD_NATS_URL" not in self._environment
        self._parts = dict(zip(PARTS if own else PARTS[1:], self.parts(), strict=True))

    def _said(self, line: str, begin: int) -> bool:
        with self.log.open("rb") as log:
            log.seek(begin)
            return line.encode() in log.read()

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after this signal."""
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(60)

    def kill(self) -> None:
        """SIGKILL of the parent, which takes every part with it."""
        assert self._process is not None
        parts = self.parts()
        self._process.kill()
        self._process.wait()
        wait_until(lambda: not any(_lives(pid) for pid in parts), "every part is gone")

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self.http.close()
        self._end_runs()

    def _end_runs(self) -> None:
        """A platform leaves running jobs to their supervisors, a test leaves nothing behind."""
        ours = f"JOBYARD_JOB_PATH={self.data.resolve()}/".encode()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if ours in environ.read_bytes():
                    os.kill(int(environ.parent.name), signal.SIGKILL)
        clear_groups(self.data / "executor" / "process")

    def parts(self) -> list[int]:
        """The processes of the platform's parts, in the order of their start: nats-server first."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children]

    def part(self, name: str) -> int:
        """The process of this part by now. The parent starts one again when it died, and one at a time may have."""
        alive = self.parts()
        new = [pid for pid in alive if pid not in self._parts.values()]
        gone = [part for part, pid in self._parts.items() if pid not in alive]
        assert len(new) == len(gone) <= 1, f"{gone} died, {new} were started"
        self._parts.update(zip(gone, new, strict=True))
        return self._parts[name]

    def kill_part(self, name: str) -> None:
        """SIGKILL of one part; it is started again when this returns."""
        pid, count = self.part(name), len(self.parts())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.parts() and len(self.parts()) == count, f"{name} is started again")
        self.part(name)

    def is_ready(self) -> bool:
        """Every part answers."""
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def nats_url(self) -> str:
        """Of the NATS server that the platform runs on, with its password."""
        given = self._environment.get("JOBYARD_NATS_URL")
        if given is not None:
            return given
        url = url_in(self.data / "nats")
        assert url is not None
        return url

    def unrelayed(self) -> int:
        """Jobs whose outbox is not empty."""
        with closing(sqlite3.connect(f"file:{self.data}/documents/jobs.sqlite?mode=ro", uri=True)) as documents:
            count: int = documents.execute("SELECT count(*) FROM jobs WHERE pending").fetchone()[0]
            return count

    # --- what a user does

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        """The answer of the gateway, or of one of them."""
        return self.http.post(path, **arguments)

    def headers(self) -> dict[str, str]:
        if self._token is None:
            password = (self.data / "admin-password").read_text().strip()
            answer = self.http.post("/api/v1/auth/token", json={"username": "admin", "password": password})
            answer.raise_for_status()
            self._token = str(answer.json()["access_token"])
        return {"Authorization": f"Bearer {self._token}"}

    def call(self, method: str, path: str, expect: int | None = None, **arguments: Any) -> Any:
        """The JSON of an answer; with `expect` any other status fails."""
        headers = self.headers() | arguments.pop("headers", {})
        answer = self.http.request(method, f"/api/v1{path}", headers=headers, **arguments)
        if expect is not None:
            assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
        else:
            answer.raise_for_status()
        return answer.json() if answer.content else None

    def submit(self, command: str | list[str], name: str = "test", **fields: Any) -> str:
        body = {"name": name, "command": command, **fields}
        return str(self.call("POST", "/jobs", 201, json=body)["id"])

    def job(self, id: str) -> dict[str, Any]:
        job: dict[str, Any] = self.call("GET", f"/jobs/{id}", 200)
        return job

    def wait(self, id: str, *statuses: str, within: float = LONG_S) -> dict[str, Any]:
        """The job once it has one of these statuses, or is over when none is given."""
        wanted = set(statuses) or TERMINAL
        deadline = time.monotonic() + within
        while True:
            job = self.job(id)
            if job["status"] in wanted:
                return job
            assert time.monotonic() < deadline and not (job["status"] in TERMINAL and statuses), (
                f"waits for {sorted(wanted)}: {json.dumps(job, indent=1)}\n{self.output()[-4000:]}"
            )
            time.sleep(0.02)

    def lines(self, id: str, tail: int = 2000) -> list[str]:
        answer = self.call("GET", f"/jobs/{id}/logs", 200, params={"tail": tail})
        return [line["text"] for line in answer["lines"]]

    def facts(self, id: str) -> list[str]:
        """The kinds of a job's events, in order."""
        return [event["type"].split(".")[3] for event in self.call("GET", f"/jobs/{id}/events", 200)["items"]]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def platform(simulate: str | None = None, **environment: str) -> Iterator[Platform]:
    """A running platform in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="jobyard-") as folder:
        running = Platform(Path(folder) / "data", simulate, environment)
        try:
            running.start()
            yield running
        finally:
            running.close()
