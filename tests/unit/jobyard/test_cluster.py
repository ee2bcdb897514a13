"""`jobyard cluster` and `Client.cluster`: what they ask for, and what they print."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jobyard import Client, Unavailable
from jobyard.cli.app import app
from tests.support.scripted_server import Answer, ScriptedServer, problem

CLUSTER = "/api/v1/cluster"
NOBODY = {"job_id": None, "name": None, "owner": None, "vc": None}
MINE = {"job_id": "01KC0000000000000000000001", "name": "train", "owner": "ada", "vc": "lab"}
V100 = {
    "device_type": "v100",
    "total": 4,
    "used": 3,
    "resting": 0,
    "simulated": True,
    "slots": [MINE, MINE, NOBODY, None],
}
NODE = {
    "name": "gpu-1",
    "state": "ready",
    "since": "2026-11-23T23:12:50.123Z",
    "closed": None,
    "cpus": 64.0,
    "cpus_used": 2.5,
    "memory_mib": 65536,
    "memory_mib_used": 1024,
    "devices": [V100],
}
UNKNOWN = {
    **NODE,
    "name": "gpu-2",
    "state": "silent",
    "since": None,
    "cpus": None,
    "cpus_used": 0.0,
    "memory_mib": None,
    "memory_mib_used": 0,
    "devices": [],
}
REASON = {"code": "waiting_for_devices", "device_type": "v100", "vc": "lab", "waiting": 2, "devices": 6}


def found(*nodes: dict[str, Any], reasons: tuple[dict[str, Any], ...] = (), **totals: Any) -> dict[str, Any]:
    total = {"device_type": "v100", "total": 4, "used": 3, "free": 1, "simulated": 4, **totals}
    return {
        "nodes": list(nodes),
        "vcs": [],
        "totals": {"nodes": len(nodes), "silent_nodes": 0, "closed_nodes": 0, "devices": [total] if nodes else []},
        "queue": {"waiting": sum(row["waiting"] for row in reasons), "by_reason": list(reasons)},
    }


@pytest.fixture(autouse=True)
def environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_URL", server.url)
    monkeypatch.setenv("JOBYARD_TOKEN", "token")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["cluster", *words])


def test_a_line_for_each_node_says_what_is_held_and_by_whom(server: ScriptedServer) -> None:
    server.on("GET", CLUSTER, Answer(body=found(NODE, UNKNOWN)))
    result = run()
    assert result.exit_code == 0, result.output
    head, node, unknown = (line.split() for line in result.stdout.splitlines())
    assert head == "Node State Devices CPUs Memory Held by".split()
    assert node[:5] == ["gpu-1", "ready", "v100", "3/4", "2.5/64"]
    assert " ".join(node).endswith("train (ada, lab) x2, others")
    assert unknown == ["gpu-2", "silent", "-", "-", "-", "-"]


def test_a_silent_node_says_since_when(server: ScriptedServer) -> None:
    server.on("GET", CLUSTER, Answer(body=found({**NODE, "state": "silent"})))
    assert "gpu-1  silent since " in run().stdout


def test_a_node_that_is_closed_shows_what_is_held_there_and_why_it_is_closed(server: ScriptedServer) -> None:
    why = {"code": "node_cordoned", "message": "It is cordoned.", "details": {"taints": []}}
    names = [f"gpu-{number}" for number in range(1, 8)]
    server.on("GET", CLUSTER, Answer(body=found(*({**NODE, "name": name, "closed": why} for name in names), free=0)))
    result = run()
    assert result.stdout.splitlines()[1].split()[:4] == ["gpu-1", "closed", "v100", "3/4"]
    assert result.stderr.splitlines()[0] == "Closed: gpu-1, gpu-2, gpu-3, gpu-4, gpu-5 and 2 more. It is cordoned."
    server.on("GET", CLUSTER, Answer(body=found({**NODE, "state": "silent", "closed": why})))
    assert "Closed" not in run().stderr


def test_below_it_says_what_is_free_and_who_waits_for_what(server: ScriptedServer) -> None:
    foreign = {**REASON, "vc": None, "waiting": 1, "devices": 0, "device_type": "cpu", "code": "waiting_for_cpus"}
    server.on("GET", CLUSTER, Answer(body=found(NODE, reasons=(REASON, foreign))))
    assert run().stderr.splitlines() == [
        "v100: 3 of 4 held, 1 free, simulated.",
        "3 jobs wait:",
        "  2 of lab for 6 v100: waiting_for_devices",
        "  1 of other virtual clusters for cpu: waiting_for_cpus",
    ]


@pytest.mark.parametrize(("simulated", "said"), [(0, "1 free."), (2, "1 free, 2 of them simulated.")])
def test_real_and_simulated_devices_are_told_apart(server: ScriptedServer, simulated: int, said: str) -> None:
    server.on("GET", CLUSTER, Answer(body=found(NODE, simulated=simulated)))
    assert said in run().stderr
    assert "Nobody waits." in run().stderr


def test_many_reasons_are_cut_and_say_so(server: ScriptedServer) -> None:
    rows = tuple({**REASON, "vc": f"vc-{number}"} for number in range(12))
    server.on("GET", CLUSTER, Answer(body=found(NODE, reasons=rows)))
    assert run().stderr.splitlines()[-1] == "  and 4 more for other reasons (--json has all)"


def test_a_yard_without_nodes_says_what_to_do(server: ScriptedServer) -> None:
    server.on("GET", CLUSTER, Answer(body=found()))
    result = run()
    assert result.stdout == ""
    assert "Ask an operator to start an executor." in result.stderr


def test_what_a_job_is_called_is_inert(server: ScriptedServer) -> None:
    evil = {**MINE, "name": "[red]x\x1b[31m"}
    server.on("GET", CLUSTER, Answer(body=found({**NODE, "devices": [{**V100, "slots": [evil]}]})))
    result = run()
    assert "\x1b" not in result.output
    assert "[red]x" in result.stdout


def test_as_json_it_is_the_whole_answer(server: ScriptedServer) -> None:
    body = found(NODE, reasons=(REASON,))
    server.on("GET", CLUSTER, Answer(body=body))
    assert json.loads(run("--json").stdout) == body


def test_a_scheduler_that_is_away_is_said_in_its_sentence(server: ScriptedServer) -> None:
    server.on("GET", CLUSTER, problem(503, "The scheduler service does not answer. Try again in a moment."))
    with Client(retry_for=0) as yard, pytest.raises(Unavailable, match="scheduler service does not answer"):
        yard.cluster.now()


def test_the_client_reads_the_history_and_the_options(server: ScriptedServer) -> None:
    line = {"name": "used", "device_type": "v100", "vc": None, "values": [1.5, None]}
    history = {"start": "2026-11-23T23:00:00.000Z", "end": "2026-11-23T23:01:00.000Z", "step": 60.0, "series": [line]}
    server.on("GET", f"{CLUSTER}/history", Answer(body=history))
    with Client() as yard:
        drawn = yard.cluster.history(start=datetime(2026, 11, 23, 23, tzinfo=UTC), end="-1m", step="60s")
    assert drawn.series[0].values == [1.5, None]
    assert server.asked[-1].query == {"start": "2026-11-23T23:00:00Z", "end": "-1m", "step": "60s"}
    vc = {
        "name": "lab",
        "role": "member",
        "open": True,
        "max_priority": 50,
        "default_priority": 50,
        "max_duration_s": None,
        "default_duration_s": None,
        "jobs_per_user": None,
        "quota": {},
        "secrets": ["shared"],
    }
    limit = {"minimum": 1, "maximum": 1, "length": None, "pattern": None, "entries": None}
    options = {
        "vcs": [vc],
        "device_types": None,
        "max_cpus": None,
        "max_memory_mib": None,
        "uses_images": None,
        "endpoints": ["ssh"],
        "notify": None,
        "secrets": [],
        "path_roots": [],
        "request_bytes": 131072,
        "limits": {"nodes": limit},
    }
    server.on("GET", "/api/v1/submit-options", Answer(body=options))
    with Client() as yard:
        said = yard.cluster.submit_options()
    assert (said.vcs[0].secrets, said.limits["nodes"].maximum, said.device_types) == (["shared"], 1, None)
