"""The gateway on the wire, with every other service behind it: streams, limits, keys, restarts."""

import asyncio
import http.client
import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.platform import Platform, platform
from tests.support.sse import SseReader
from tests.support.waiting import wait_until

MIB = 1 << 20


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(JOBYARD_GATEWAY_MAX_STREAMS_PER_USER="200") as running:
        yield running


def follow(yard: Platform, id: str, after: str | None = None, **params: int | str) -> SseReader:
    headers = yard.headers() | ({"Last-Event-ID": after} if after else {})
    return SseReader(f"{yard.url}/api/v1/jobs/{id}/logs/follow", headers, params)


def feed(yard: Platform, after: str | None = None, **params: str) -> SseReader:
    headers = yard.headers() | ({"Last-Event-ID": after} if after else {})
    return SseReader(f"{yard.url}/api/v1/events", headers, params)


GATED = (
    'for i in $(seq 1 5); do echo "before $i"; done; while [ ! -e "$GATE" ]; do sleep 0.02; done; echo after; echo end'
)


def test_a_follower_gets_every_line_once_and_then_the_end(yard: Platform, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    id = yard.submit(GATED, env={"GATE": str(gate)})
    wait_until(lambda: len(yard.lines(id)) == 5, "it has begun")
    reader = follow(yard, id, tail=2)
    wait_until(lambda: reader.lines() == ["before 4", "before 5"], "the tail is there")
    gate.touch()
    wait_until(lambda: not reader.open, "it ends")
    assert reader.lines() == ["before 4", "before 5", "after", "end"]
    assert [event.name for event in reader.events][-1] == "end"
    assert reader.ended_cleanly
    again = follow(yard, id, after=next(event.id for event in reader.events if event.id))
    wait_until(lambda: not again.open, "it ends")
    assert again.lines() == ["after", "end"]


def test_a_follower_at_a_pace_gets_every_line_once_and_goes_on_where_it_was(yard: Platform, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    id = yard.submit(GATED, env={"GATE": str(gate)})
    wait_until(lambda: len(yard.lines(id)) == 5, "it has begun")
    reader = follow(yard, id, tail=2, paced="true")
    wait_until(lambda: reader.lines() == ["before 4", "before 5"], "the tail is there")
    gate.touch()
    wait_until(lambda: not reader.open, "it ends")
    assert reader.lines() == ["before 4", "before 5", "after", "end"]
    assert reader.events[-1].name == "end"
    assert all(event.data["skipped"] == 0 for event in reader.events[:-1])
    again = follow(yard, id, after=reader.events[0].id, paced="true")
    wait_until(lambda: not again.open, "it ends")
    assert again.lines() == ["after", "end"]
    finished = follow(yard, id, paced="true")
    wait_until(lambda: not finished.open, "it ends")
    assert finished.lines() == [*(f"before {number}" for number in range(1, 6)), "after", "end"]
    assert [event.name for event in finished.events] == ["lines", "end"]


def test_a_follower_at_a_pace_that_names_a_place_beyond_the_stream_begins_anew_and_disturbs_no_other(
    yard: Platform, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    id = yard.submit(GATED, env={"GATE": str(gate)})
    wait_until(lambda: len(yard.lines(id)) == 5, "it has begun")
    readers = [follow(yard, id, after=after, paced="true") for after in ("9" * 18, None, "9" * 18, "0")]
    wait_until(lambda: all(len(reader.lines()) == 5 for reader in readers), "each has what was written")
    gate.touch()
    wait_until(lambda: not any(reader.open for reader in readers), "they end")
    for reader in readers:
        assert reader.lines() == [*(f"before {number}" for number in range(1, 6)), "after", "end"]


REWRITTEN = """
waits() { while [ ! -e "$GATE.$1" ]; do sleep 0.02; done; }
echo first; printf '\\r 10%%'; waits 1; printf '\\r 20%%' >&2; waits 2; printf '\\r100%%\\n'; echo >&2
"""


def test_a_line_that_is_rewritten_is_told_as_it_looks_and_becomes_one_line(yard: Platform, tmp_path: Path) -> None:
    id = yard.submit(REWRITTEN, env={"GATE": str(tmp_path / "gate")})
    readers = [follow(yard, id), follow(yard, id, paced="true")]
    wait_until(lambda: all(reader.unfinished() == [" 10%"] for reader in readers), "it is told")
    look = yard.call("GET", f"/jobs/{id}/logs")
    assert [line["text"] for line in look["lines"]] == ["first"]
    assert [(line["seq"], line["stream"], line["text"]) for line in look["unfinished"]] == [(2, "stdout", " 10%")]
    plain = yard.http.get(f"/api/v1/jobs/{id}/logs", headers=yard.headers() | {"Accept": "text/plain"})
    download = yard.http.get(f"/api/v1/jobs/{id}/logs/download", headers=yard.headers())
    assert plain.text == download.text == "first\n", "it is no line"
    (tmp_path / "gate.1").touch()
    wait_until(lambda: all(reader.unfinished() == [" 10%", " 20%"] for reader in readers), "both streams are told")
    back = [follow(yard, id, after=readers[0].last_id, paced=paced) for paced in ("true", "false")]
    wait_until(lambda: all(reader.unfinished() == [" 10%", " 20%"] for reader in back), "who comes back sees them too")
    (tmp_path / "gate.2").touch()
    wait_until(lambda: not any(reader.open for reader in [*readers, *back]), "they end")
    for reader in [*readers, *back]:
        assert reader.unfinished() == []
    for reader in readers:
        assert sorted(reader.lines()) == [" 20%", "100%", "first"]
    assert yard.call("GET", f"/jobs/{id}/logs")["unfinished"] == []


def test_a_pace_that_is_no_yes_or_no_is_refused(yard: Platform) -> None:
    response = yard.call("GET", f"/jobs/{yard.submit('true')}/logs/follow?paced=quick", 422)
    assert response["errors"][0]["field"] == "paced"


def test_a_follower_of_a_finished_job_gets_the_tail_and_the_end(yard: Platform) -> None:
    id = yard.submit("seq 1 3000")
    yard.wait(id)
    reader = follow(yard, id)
    wait_until(lambda: not reader.open, "it ends")
    assert reader.lines() == [str(number) for number in range(1001, 3001)]
    assert yard.lines(id) == reader.lines()


def test_a_job_that_wrote_nothing_ends_too(yard: Platform) -> None:
    id = yard.submit("true")
    yard.wait(id)
    reader = follow(yard, id)
    wait_until(lambda: not reader.open, "it ends")
    assert [event.name for event in reader.events] == ["end"]


def test_the_whole_output_can_be_downloaded_of_each_attempt(yard: Platform) -> None:
    id = yard.submit("echo attempt $JOBYARD_ATTEMPT; seq 1 100000; exit 1", retries=1)
    done = yard.wait(id)
    assert done["attempt"] == 2
    body = "".join(f"{number}\n" for number in range(1, 100_001))
    for attempt in (1, 2):
        answer = yard.http.get(f"/api/v1/jobs/{id}/logs/download", params={"attempt": attempt}, headers=yard.headers())
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["content-disposition"] == f'attachment; filename="test-{id}.{attempt}.log"'
        assert answer.text == f"attempt {attempt}\n{body}"
    missing = yard.call("GET", f"/jobs/{id}/logs/download?attempt=3", 404)
    assert missing["code"] == "not_found"


def test_a_console_as_bare_lines(yard: Platform) -> None:
    id = yard.submit("printf 'a\\n<script>\\033]52;c;x\\007\\377'")
    yard.wait(id)
    answer = yard.http.get(f"/api/v1/jobs/{id}/logs", headers=yard.headers() | {"Accept": "text/plain"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == "a\n<script>\x1b]52;c;x\x07\ufffd\n"


def test_the_feed_has_every_event_of_a_job_in_order_and_goes_on_where_it_broke(yard: Platform) -> None:
    reader = feed(yard)
    wait_until(lambda: reader.status == 200, "it is open")
    id = yard.submit("true")
    yard.wait(id)
    expected = ["submitted", "scheduled", "started", "finished"]

    def facts(reader: SseReader) -> list[str]:
        return [event.data["type"].split(".")[3] for event in list(reader.events) if event.data["subject"] == id]

    wait_until(lambda: facts(reader) == expected, "every event came")
    mine = [event for event in reader.events if event.data["subject"] == id]
    assert [event.data["jobversion"] for event in mine] == [1, 2, 3, 4]
    again = feed(yard, after=mine[1].id)
    wait_until(lambda: facts(again) == expected[2:], "the rest came again")
    one = feed(yard, after="0", job_id=id)
    wait_until(lambda: [event.data["jobversion"] for event in one.events] == [1, 2, 3, 4], "all of this job came")
    for each in (reader, again, one):
        each.close()


@pytest.mark.parametrize("pace", [{}, {"paced": "true"}], ids=["each chunk", "at a pace"])
def test_followers_go_on_after_nats_was_killed(yard: Platform, tmp_path: Path, pace: dict[str, str]) -> None:
    gate = tmp_path / "gate"
    id = yard.submit(GATED, env={"GATE": str(gate)})
    reader = follow(yard, id, **pace)
    wait_until(lambda: len(reader.lines()) == 5, "the lines before are there")
    yard.kill_part("nats-server")
    gate.touch()
    lines = reader.lines()

    def all_there() -> bool:
        nonlocal reader, lines
        if not reader.open and not any(event.name == "end" for event in reader.events):
            reader = follow(yard, id, after=reader.last_id, **pace)
            lines = [*lines]
        return bool(reader.events) and reader.events[-1].name == "end"

    wait_until(all_there, "it ends")
    assert [*lines[:5], *[line for line in reader.lines() if not line.startswith("before")]] == [
        *(f"before {number}" for number in range(1, 6)),
        "after",
        "end",
    ]
    yard.wait(id)


FLOOD = 'echo 0; while [ ! -e "$GATE" ]; do sleep 0.02; done; seq 1 300000; sleep 1000'


def test_a_hundred_readers_who_take_nothing_do_not_hold_up_the_others(yard: Platform, tmp_path: Path) -> None:
    id = yard.submit(FLOOD, env={"GATE": str(tmp_path / "gate")}, grace_period_s=0)
    yard.wait(id, "running")
    pid = yard.part("gateway")
    with ExitStack() as stack:
        stuck = [stack.enter_context(_stuck_follower(yard, id)) for _ in range(100)]
        for each in stuck:
            assert each.recv(12) == b"HTTP/1.1 200"
        before = _resident(pid)
        healthy = follow(yard, id)
        wait_until(lambda: healthy.lines() == ["0"], "the healthy one follows")
        (tmp_path / "gate").touch()
        wait_until(
            lambda: sum(len(event.data["lines"]) for event in list(healthy.events)) == 300_001,
            "the healthy one gets its lines",
            within=90,
        )
        assert _resident(pid) - before < 200 * MIB
    yard.call("POST", f"/jobs/{id}/kill", 202)
    wait_until(lambda: not healthy.open, "the healthy one hears of the end", within=90)
    assert healthy.events[-1].name == "end"
    assert healthy.lines() == [str(number) for number in range(300_001)]


def test_a_reader_at_a_pace_who_is_late_gets_the_newest_lines_and_what_was_left_out_is_counted(
    yard: Platform, tmp_path: Path
) -> None:
    id = yard.submit(FLOOD, env={"GATE": str(tmp_path / "gate")}, grace_period_s=0)
    yard.wait(id, "running")
    pid = yard.part("gateway")
    with ExitStack() as stack:
        stuck = [stack.enter_context(_stuck_follower(yard, id, "paced=true")) for _ in range(50)]
        answers = [stack.enter_context(closing(http.client.HTTPResponse(each))) for each in stuck]
        for answer in answers:
            answer.begin()
            assert answer.status == 200
        before = _resident(pid)
        healthy = follow(yard, id, paced="true")
        wait_until(lambda: healthy.lines() == ["0"], "the healthy one follows")
        (tmp_path / "gate").touch()
        wait_until(lambda: healthy.lines()[-1] == "300000", "the healthy one sees the last line", within=90)
        assert _resident(pid) - before < 200 * MIB
        yard.call("POST", f"/jobs/{id}/kill", 202)
        wait_until(lambda: not healthy.open, "the healthy one hears of the end", within=90)
        late = _told(answers[0])
    for events in ([event.data for event in healthy.events[:-1]], late):
        shown = [int(line["text"]) for event in events for line in event["lines"]]
        assert shown == sorted(set(shown))
        assert shown[-2000:] == list(range(298_001, 300_001))
        assert max(len(event["lines"]) for event in events) <= 2000
        gaps = sum(gap["lost"] for event in events for gap in event["gaps"])
        assert len(shown) + gaps + sum(event["skipped"] for event in events) == 300_001
    assert sum(event["skipped"] for event in late) > 0


def _told(response: http.client.HTTPResponse) -> list[dict[str, Any]]:
    """The data of all events of lines that an answer still brings."""
    events = response.read().decode().split("\n\n")
    return [json.loads(event.partition("data: ")[2]) for event in events if "event: lines\n" in event]


def _stuck_follower(yard: Platform, id: str, query: str = "tail=1") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", yard.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    head = f"GET /api/v1/jobs/{id}/logs/follow?{query} HTTP/1.1\r\nHost: 127.0.0.1:{yard.port}\r\n"
    connection.sendall(f"{head}Authorization: {yard.headers()['Authorization']}\r\n\r\n".encode())
    return connection


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_large_bodies_are_refused_before_they_are_sent_and_not_kept(yard: Platform) -> None:
    headers = yard.headers() | {"Content-Type": "application/json"}
    pid = yard.part("gateway")
    before = _resident(pid)
    connection = http.client.HTTPConnection("127.0.0.1", yard.port, timeout=30)
    for path in ("/api/v1/jobs", "/api/v1/auth/token", "/api/v1/nothing"):
        connection.putrequest("POST", path)
        for name, value in (headers | {"Content-Length": str(100 * MIB)}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert json.load(answer)["code"] == "too_large"
        connection.close()
    whole = yard.http.post("/api/v1/jobs", content=b"x" * (100 * MIB), headers=headers)
    assert whole.status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(1600):
            yield b" " * 65_536

    chunked = yard.http.post("/api/v1/jobs", content=pieces(), headers=headers)
    assert chunked.status_code == 413
    assert _resident(pid) - before < 64 * MIB


def test_a_body_of_just_one_mib_is_read(yard: Platform) -> None:
    body = json.dumps({"name": "large", "command": "true"}).encode()
    body += b" " * (MIB - len(body))
    headers = yard.headers() | {"Content-Type": "application/json"}
    assert yard.http.post("/api/v1/jobs", content=body, headers=headers).status_code == 201
    assert yard.http.post("/api/v1/jobs", content=body + b" ", headers=headers).status_code == 413


BAD: tuple[tuple[int, bytes], ...] = (
    (422, b'{"name": "a", "command": "b", "colour": "red"}'),
    (422, b'{"name": "a", "command": "b", "priority": true}'),
    (422, b'{"name": "a", "command": "b", "cpus": NaN}'),
    (422, b'{"name": "a", "command": "b", "cpus": 1e309}'),
    (422, b'{"name": "a", "command": "b", "nodes": 1000000000}'),
    (422, b'{"name": "a", "command": "b", "devices": -1}'),
    (422, b'{"name": {"$ne": null}, "command": "b"}'),
    (422, b'{"name": "a; rm -rf /", "command": "b"}'),
    (422, b'{"name": "a", "command": "b", "work_path": "/etc"}'),
    (422, b'{"name": "a", "command": "b", "work_path": "a/%252e%252e/b"}'),
    (422, b'{"name": "a", "command": "b", "image": "x --privileged"}'),
    (422, b'{"name": "a", "command": "b", "vc": "nowhere"}'),
    (403, b'{"name": "a", "command": "b", "owner": "eve"}'),
    (422, b'{"a":' * 100_000),
    (422, b"\xff"),
)


def test_bad_input_is_answered_with_its_code_and_a_sentence_and_stores_nothing(yard: Platform) -> None:
    before = yard.call("GET", "/jobs?limit=1")["total"]
    headers = yard.headers() | {"Content-Type": "application/json"}
    for status, raw in BAD:
        answer = yard.http.post("/api/v1/jobs", content=raw, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), raw[:80]
        problem = answer.json()
        assert problem["detail"].endswith(".")
        assert (status == 422) == bool(problem.get("errors"))
    assert yard.http.post("/api/v1/jobs", content=BAD[0][1], headers=yard.headers()).status_code == 415
    assert yard.http.post("/api/v1/jobs", json={"name": "a", "command": "b"}).status_code == 401
    assert yard.call("GET", "/jobs?limit=1")["total"] == before


def test_one_key_many_times_at_once_is_one_job(yard: Platform) -> None:
    headers = {"Idempotency-Key": "at-once"}

    def submit(_: int) -> str:
        answer = yard.call("POST", "/jobs", 201, json={"name": "once", "command": "true"}, headers=headers)
        return str(answer["id"])

    with ThreadPoolExecutor(16) as threads:
        assert len(set(threads.map(submit, range(64)))) == 1


async def test_submissions_of_many_clients_are_all_stored_and_each_gets_its_own(yard: Platform) -> None:
    headers, names = yard.headers(), [f"many-{number}" for number in range(300)]
    limits = httpx.Limits(max_connections=32)
    async with httpx.AsyncClient(base_url=yard.url, headers=headers, limits=limits, timeout=60) as client:

        async def submit(name: str) -> dict[str, Any]:
            answer = await client.post("/api/v1/jobs", json={"name": name, "command": "true", "cpus": 0.01})
            assert answer.status_code == 201, answer.text
            job: dict[str, Any] = answer.json()
            return job

        jobs = await asyncio.gather(*map(submit, names))
    assert [job["name"] for job in jobs] == names
    listed: dict[str, str] = {}
    cursor: str | None = None
    while len(listed) < len(names):
        page = yard.call("GET", "/jobs", params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        listed |= {item["id"]: item["name"] for item in page["items"] if item["name"].startswith("many-")}
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert listed == {job["id"]: job["name"] for job in jobs}


def test_a_token_and_the_account_outlive_the_gateway(yard: Platform) -> None:
    me = yard.call("GET", "/me", 200)
    password = (yard.data / "admin-password").read_text()
    yard.kill_part("gateway")
    wait_until(yard.is_ready, "it is back")
    assert yard.call("GET", "/me", 200) == me
    assert (yard.data / "admin-password").read_text() == password
    answer = yard.http.post("/api/v1/auth/token", json={"username": "admin", "password": password})
    assert answer.status_code == 200


def test_streams_end_when_the_platform_stops_and_do_not_hold_it_up(yard: Platform) -> None:
    readers = [feed(yard) for _ in range(5)]
    wait_until(lambda: all(reader.status == 200 for reader in readers), "they are open")
    assert yard.stop() == 0
    wait_until(lambda: not any(reader.open for reader in readers), "they end")
    assert all(reader.ended_cleanly for reader in readers)
    yard.start()
