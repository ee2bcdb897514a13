"""Two endpoints services side by side: the work is shared and nothing is doubled, also when one of them is killed."""

import asyncio
import json
from collections import Counter
from typing import Any

import httpx

from shared.bus.bus import connect
from tests.support.ports import free_port
from tests.support.separate import SeparateServices, separate_services
from tests.support.waiting import wait_until

NAMES = ("jobs", "scheduler", "executor", "logs", "endpoints", "endpoints-2", "gateway")
SLEEP = "trap 'exit 0' TERM; sleep 600 & wait"
JOBS = 6


def statuses(yard: SeparateServices, ids: list[str]) -> Counter[str]:
    found = [item for id in ids for item in yard.call("GET", f"/jobs/{id}/endpoints", 200)["items"]]
    return Counter(item["status"] for item in found)


def told(yard: SeparateServices) -> dict[str, list[str]]:
    """The facts of every endpoint in the stream, in order, by its id."""

    async def read() -> dict[str, list[str]]:
        facts: dict[str, list[str]] = {}
        async with connect(yard.nats_url, "test") as bus:
            info = await bus.js.stream_info("EVENTS", subjects_filter="evt.endpoint.>")
            left = sum((info.state.subjects or {}).values())
            follow = await bus.js.subscribe("evt.endpoint.>", ordered_consumer=True)
            for _ in range(left):
                event: dict[str, Any] = json.loads((await follow.next_msg(timeout=60)).data)
                facts.setdefault(event["id"].partition(":")[0], []).append(event["type"].split(".")[3])
            await follow.unsubscribe()
        return facts

    return asyncio.run(read())


def test_each_change_happens_once_and_a_killed_replica_is_not_missed() -> None:
    with separate_services(NAMES) as yard:
        body = {"command": SLEEP, "cpus": 0.05, "endpoints": ["ssh"], "interactive_ports": [8080]}
        ids = [yard.call("POST", "/jobs", 201, json={"name": f"j{n}", **body})["id"] for n in range(JOBS)]
        wait_until(lambda: statuses(yard, ids) == {"ready": 2 * JOBS}, "all of them are ready", 120)
        later = yard.submit(SLEEP, cpus=0.05)
        yard.wait(later, "running")
        yard.call("POST", f"/jobs/{later}/endpoints", 201, json={"name": "ssh"})
        yard.kill_service("endpoints")
        wait_until(lambda: _add(yard, later, "port-9090") == 201, "the other one answers", 60)
        wait_until(lambda: statuses(yard, [later]) == {"ready": 2}, "what was added is ready", 120)
        yard.call("POST", f"/jobs/{later}/pause", 202)
        wait_until(lambda: statuses(yard, [later]) == {"requested": 2}, "they wait for the next run", 120)
        for id in [*ids, later]:
            yard.call("POST", f"/jobs/{id}/kill", 202)
        wait_until(lambda: statuses(yard, [*ids, later]) == {"closed": 2 * JOBS + 2}, "all of them are closed", 120)
        once = {f"{id}.{name}": ["requested", "ready", "closed"] for id in ids for name in ("ssh", "port-8080")}
        twice = {f"{later}.{name}": ["requested", "ready", "requested", "closed"] for name in ("ssh", "port-9090")}
        wait_until(lambda: told(yard) == once | twice, "each change was told once, in order", 60)


def test_a_ticket_and_its_cookie_count_at_both_doors_and_a_killed_one_costs_its_connections_only() -> None:
    with separate_services(NAMES) as yard:
        doors = {name: f"http://127.0.0.1:{ports[0]}" for name, ports in yard.doors.items()}
        port = free_port()
        id = yard.submit(f"exec python3 -m http.server --bind 127.0.0.1 {port}", cpus=0.05, interactive_ports=[port])
        path = f"/endpoints/{id}/port-{port}"
        yard.wait(id, "running")

        def answers(door: str, headers: dict[str, str]) -> int:
            try:
                return httpx.get(f"{door}{path}/", headers=headers, trust_env=False, timeout=30).status_code
            except httpx.TransportError:
                return 0

        for door in doors.values():
            wait_until(lambda door=door: answers(door, yard.headers()) == 200, "the job answers", 120)  # type: ignore[misc]
        url = yard.call("POST", f"/jobs/{id}/endpoints/port-{port}/ticket", 200)["url"]
        ticket = url.partition("?")[2]
        used = httpx.get(f"{doors['endpoints-2']}{path}/?{ticket}", trust_env=False, timeout=30)
        assert used.status_code == 303, used.text
        again = httpx.get(f"{doors['endpoints']}{path}/?{ticket}", trust_env=False, timeout=30)
        assert again.status_code == 401, "one use, whichever door it was"
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in used.cookies.items())}
        assert {answers(door, cookie) for door in doors.values()} == {200}
        yard.kill_service("endpoints-2")
        assert answers(doors["endpoints"], cookie) == 200
        assert answers(doors["endpoints-2"], cookie) == 0


def _add(yard: SeparateServices, id: str, name: str) -> int:
    answer: httpx.Response = yard.post(f"/api/v1/jobs/{id}/endpoints", json={"name": name}, headers=yard.headers())
    return answer.status_code
