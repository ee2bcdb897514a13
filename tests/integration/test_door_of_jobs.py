"""The door on the running platform, before programs of real jobs: from the ticket to the end of the job."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import httpx
import pytest

from tests.support import served
from tests.support.people import Person, add, admin
from tests.support.platform import Platform, platform
from tests.support.ports import free_port
from tests.support.waiting import until, wait_until

BIG_MIB = int(os.environ.get("JOBYARD_TEST_BIG_MIB", "256"))
"""What goes up and down; the door's memory stays the same whatever it is."""
FLAT_MIB = 64


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform() as running:
        yield running


@pytest.fixture(scope="module")
def server(yard: Platform) -> tuple[str, str]:
    """A job that serves, and the path of its port at the door."""
    return serving(yard, "all")


def serving(yard: Platform, kind: str) -> tuple[str, str]:
    port = free_port()
    id = yard.submit(served.command(kind, port), interactive_ports=[port], cpus=0.01)
    path = f"/endpoints/{id}/port-{port}"
    yard.wait(id, "running")
    with httpx.Client(base_url=yard.door_url, headers=yard.headers(), trust_env=False) as http:
        wait_until(lambda: _is_served(http, path), "the job's program answers")
    return id, path


def _is_served(http: httpx.Client, path: str) -> bool:
    """Not while the door is not open yet: the platform is ready without it."""
    try:
        return http.get(f"{path}/").status_code not in (403, 409, 503)
    except httpx.ConnectError:
        return False


def client(yard: Platform, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=yard.door_url, headers=yard.headers() | headers, trust_env=False, timeout=120, follow_redirects=False
    )


def memory_mib(yard: Platform) -> float:
    """The most that the endpoints service has held so far."""
    status = Path(f"/proc/{yard.part('endpoints')}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


async def test_the_job_answers_under_its_own_path(yard: Platform, server: tuple[str, str]) -> None:
    id, path = server
    async with client(yard) as http:
        assert (await http.get(f"{path}/a/b")).text == f"hello from {id} at /a/b"
        listed = yard.call("GET", f"/jobs/{id}/endpoints", 200)["items"]
        assert [item["url"] for item in listed] == [f"{yard.door_url}{path}/"]


async def test_a_gigabyte_goes_down_and_up_in_flat_memory(yard: Platform, server: tuple[str, str]) -> None:
    _, path = server
    count = BIG_MIB * 4
    expected = hashlib.sha256()
    for _ in range(count):
        expected.update(served.PIECE)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield served.PIECE

    async with aiohttp.ClientSession(yard.door_url, headers=yard.headers(), read_bufsize=1 << 20) as http:
        before = memory_mib(yard)
        for query in ("mib=%d", "mib=%d&length"):
            got = hashlib.sha256()
            async with http.get(f"{path}/download?{query % BIG_MIB}") as answer:
                async for piece in answer.content.iter_any():
                    got.update(piece)
            assert got.hexdigest() == expected.hexdigest()
        async with http.put(f"{path}/upload", data=pieces()) as answer:
            assert await answer.json() == {"size": BIG_MIB << 20, "sha256": expected.hexdigest()}
        assert memory_mib(yard) - before < FLAT_MIB


async def test_a_websocket_echoes_frames_of_16_mib_in_flat_memory(yard: Platform, server: tuple[str, str]) -> None:
    _, path = server
    frame = served.PIECE * 64
    before = memory_mib(yard)
    async with (
        aiohttp.ClientSession(yard.door_url, headers=yard.headers()) as http,
        http.ws_connect(f"{path}/ws", max_msg_size=1 << 26) as socket,
    ):
        for _ in range(4):
            await socket.send_bytes(frame)
            assert await socket.receive_bytes() == frame
    assert memory_mib(yard) - before < FLAT_MIB


async def test_the_standard_librarys_server_answers_ranges(yard: Platform) -> None:
    _, path = serving(yard, "ranges")
    async with client(yard) as http:
        whole = await http.get(f"{path}/")
        assert whole.content == served.PIECE
        part = await http.get(f"{path}/", headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, served.PIECE[1000:2000])
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(served.PIECE)}"


async def test_a_browser_comes_in_by_a_ticket_that_the_gateway_gives(yard: Platform, server: tuple[str, str]) -> None:
    id, path = server
    name = path.rpartition("/")[2]
    ticket = yard.call("POST", f"/jobs/{id}/endpoints/{name}/ticket", 200)
    assert ticket["url"].startswith(f"{yard.door_url}{path}/?ticket=") and ticket["expires_at"]
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
        answer = await browser.get(ticket["url"])
        assert answer.status_code == 200 and answer.text == f"hello from {id} at /"
        assert (await browser.get(f"{yard.door_url}{path}/more")).status_code == 200
    async with httpx.AsyncClient(trust_env=False) as another:
        assert (await another.get(ticket["url"])).status_code == 401


async def test_a_ticket_and_who_came_in_by_it_are_in_the_audit(yard: Platform, server: tuple[str, str]) -> None:
    id, path = server
    name = path.rpartition("/")[2]
    ticket = yard.call("POST", f"/jobs/{id}/endpoints/{name}/ticket", 200)
    async with httpx.AsyncClient(trust_env=False, timeout=60, follow_redirects=True) as browser:
        await browser.get(ticket["url"])

    def told() -> set[tuple[str, str, str]]:
        items = yard.call("GET", "/audit", 200, params={"target": f"job/{id}", "actor": "admin"})["items"]
        return {(item["action"], item["details"].get("name"), item["address"]) for item in items}

    what = {("endpoint.ticket_issued", name, "127.0.0.1"), ("endpoint.entered", name, "127.0.0.1")}
    await until(lambda: what <= told(), "both are in the audit")


async def test_the_gateway_sends_a_browser_to_the_door(yard: Platform, server: tuple[str, str]) -> None:
    _, path = server
    async with httpx.AsyncClient(base_url=yard.url, trust_env=False) as browser:
        moved = await browser.get(f"{path}/a%2Fb?c=d")
        assert (moved.status_code, moved.headers["location"]) == (307, f"{yard.door_url}{path}/a%2Fb?c=d")
        assert (await browser.get(f"{path}/", headers={"Host": "evil.example"})).status_code == 400
        assert (await browser.post(f"{path}/")).status_code == 401


async def test_nobody_else_comes_in(yard: Platform, server: tuple[str, str]) -> None:
    id, path = server
    root, name = admin(yard), path.rpartition("/")[2]
    root.call("POST", "/vcs", 201, json={"name": "elsewhere"})
    member, stranger = add(yard, "mia"), add(yard, "sol", {"elsewhere": "member"})
    async with client(yard) as http:
        for person, status in ((member, 403), (stranger, 404)):
            assert (await http.get(f"{path}/", headers=person.headers())).status_code == status
            assert person.status("POST", f"/jobs/{id}/endpoints/{name}/ticket") == status
        assert (await http.get(f"{path}/", headers={"Authorization": "Bearer jy_no"})).status_code == 401
        assert (await http.get(f"/endpoints/{id}/port-1025/")).status_code == 403
        assert (await http.get(f"/endpoints/{id}/port-{yard.port}/")).status_code == 403
    assert Person(yard, "nobody", None).status("POST", f"/jobs/{id}/endpoints/{name}/ticket") == 401


async def test_a_port_that_another_job_has_is_said_by_name(yard: Platform, server: tuple[str, str]) -> None:
    id, path = server
    port = int(path.rpartition("-")[2])
    other = yard.submit("sleep 600", interactive_ports=[port], cpus=0.01)
    async with client(yard) as http:

        async def refused() -> bool:
            answer = await http.get(f"/endpoints/{other}/port-{port}/")
            return answer.status_code == 409 and id in answer.json()["detail"]

        await until(refused, "the job that has the port is named")
    yard.call("POST", f"/jobs/{other}/kill", 202)


async def test_a_port_of_the_machine_that_is_no_jobs_is_not_reached(yard: Platform) -> None:
    id = yard.submit("sleep 600", interactive_ports=[yard.port], cpus=0.01)
    async with client(yard) as http:

        async def refused() -> bool:
            answer = await http.get(f"/endpoints/{id}/port-{yard.port}/readyz")
            assert answer.status_code != 200
            return answer.status_code == 409 and "another program" in answer.json()["detail"]

        await until(refused, "the port is said to be another program's")
    yard.call("POST", f"/jobs/{id}/kill", 202)


async def test_a_port_opens_when_its_program_does(yard: Platform, tmp_path: Path) -> None:
    port = free_port()
    late = f"while [ ! -e {tmp_path}/go ]; do sleep 0.1; done; {' '.join(served.command('all', port))}"
    id = yard.submit(late, interactive_ports=[port], cpus=0.01)
    async with client(yard, Accept="text/html") as http:

        async def waits() -> bool:
            answer = await http.get(f"/endpoints/{id}/port-{port}/")
            return answer.status_code == 503 and 'http-equiv="refresh"' in answer.text

        await until(waits, "a page says that nothing listens yet")
        (tmp_path / "go").touch()

        async def opens() -> bool:
            return (await http.get(f"/endpoints/{id}/port-{port}/")).status_code == 200

        await until(opens, "the same address shows the program")


async def test_a_service_without_http_is_named_and_where_to_go(yard: Platform) -> None:
    id, path = serving(yard, "plain")
    async with client(yard) as http:
        answer = await http.get(f"{path}/")
        assert answer.status_code == 502 and f"jobyard port-forward {id}" in answer.json()["detail"]


async def test_what_is_open_ends_with_the_job(yard: Platform) -> None:
    id, path = serving(yard, "all")
    async with client(yard) as http, http.stream("GET", f"{path}/events") as answer:
        assert answer.status_code == 200
        yard.call("POST", f"/jobs/{id}/kill", 202)
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in answer.aiter_raw():
                pass
    yard.wait(id, "killed")
    async with client(yard) as http:

        async def closed() -> bool:
            return (await http.get(f"{path}/")).status_code == 409

        await until(closed, "the endpoint is closed")


async def test_what_is_open_ends_with_the_endpoint_and_with_the_permission(yard: Platform) -> None:
    root = admin(yard)
    owner = add(yard, "ona")
    port = free_port()
    id = owner.submit(served.command("all", port), interactive_ports=[port], cpus=0.01)
    path = f"/endpoints/{id}/port-{port}"
    async with client(yard) as http:

        async def answers() -> bool:
            return (await http.get(f"{path}/", headers=owner.headers())).status_code == 200

        async def cut_by(method: str, url: str, **arguments: object) -> None:
            async with http.stream("GET", f"{path}/events", headers=owner.headers()) as answer:
                assert answer.status_code == 200
                await asyncio.to_thread(root.call, method, url, 200, **arguments)
                with pytest.raises(httpx.RemoteProtocolError):
                    async for _ in answer.aiter_raw():
                        pass

        await until(answers, "the job's program answers")
        await cut_by("DELETE", f"/jobs/{id}/endpoints/port-{port}")
        assert (await http.get(f"{path}/", headers=owner.headers())).status_code == 403
        root.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": f"port-{port}"})
        await until(answers, "the endpoint is open again")
        await cut_by("PATCH", "/users/ona", json={"disabled": True})
        assert (await http.get(f"{path}/", headers=owner.headers())).status_code == 401
