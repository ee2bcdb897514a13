"""A real Prometheus for a test, which scrapes what the test names every second; call `needs("prometheus")` first.

What it has scraped is there a moment later: `wait_for` asks until there is an answer.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support.ports import free_port
from tests.support.programs import found
from tests.support.waiting import wait_until

START_S = 60.0


class PrometheusServer:
    """One server process on a free port. `targets`: host:port of each `/metrics`; `rules`: files of rules.

    Plain calls; `with PrometheusServer(["127.0.0.1:9464"]) as server`. The data is a temporary folder.
    """

    def __init__(self, targets: Sequence[str], rules: Sequence[Path] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = Path(tempfile.mkdtemp(prefix="jobyard-prometheus-"))
        self._configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path.resolve()) for path in rules],
            "scrape_configs": [{"job_name": "jobyard", "static_configs": [{"targets": list(targets)}]}],
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    @property
    def log(self) -> str:
        """What the server itself has written."""
        path = self._folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Return when it answers queries. Raises AssertionError with its log when it does not start."""
        program = found("prometheus")
        assert program is not None, "no prometheus; install the package prometheus"
        configuration = self._folder / "prometheus.yml"
        configuration.write_text(json.dumps(self._configuration))  # JSON is YAML
        arguments = [
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([program, *arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: self._is_ready() or self._ended(), "Prometheus is ready", START_S)
        assert not self._ended(), self.log[-4000:]

    def query(self, promql: str, at: float | None = None) -> list[dict[str, Any]]:
        """The result of an instant query, now or at a time: `[{"metric": labels, "value": [time, text]}]`."""
        return self._result("query", {"query": promql} | ({} if at is None else {"time": at}))

    def query_range(self, promql: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        """The result of a range query: `[{"metric": labels, "values": [[time, text], ...]}]`."""
        return self._result("query_range", {"query": promql, "start": start, "end": end, "step": step})

    def wait_for(self, promql: str, within: float = 60.0) -> list[dict[str, Any]]:
        """The first result of a query that is not empty."""
        deadline = time.monotonic() + within
        while not (result := self.query(promql)):
            assert time.monotonic() < deadline, f"nothing within {within} s: {promql}\n{self.log[-4000:]}"
            time.sleep(0.05)
        return result

    def stop(self) -> None:
        """End it and remove its data."""
        self._http.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _result(self, path: str, parameters: dict[str, str | float]) -> list[dict[str, Any]]:
        answer = self._http.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
        data = answer.json()["data"]
        if data["resultType"] == "scalar":
            return [{"metric": {}, "value": data["result"]}]
        result: list[dict[str, Any]] = data["result"]
        return result

    def _is_ready(self) -> bool:
        try:
            return self._http.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def _ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None
