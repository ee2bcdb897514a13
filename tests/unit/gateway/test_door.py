"""Who comes in, and what every answer carries: hosts, origins, tokens, media types, limits, faults."""

import asyncio
from pathlib import Path
from typing import Any

from starlette.types import Message

from services.gateway.application import routed
from services.gateway.bodies import LINGER_BYTES
from services.gateway.door import PUBLIC
from tests.support.gateway import HOST, Gateway, gateway
from tests.support.waiting import until

JOB = "01JD8F2M5V7Q0R3S6T9W2X4Y8Z"
BODY = {"name": "j", "command": "true"}


def all_routes() -> list[tuple[str, str]]:
    return [
        (method, route.path.replace("{job_id}", JOB))  # type: ignore[attr-defined]  # every route here has these
        for route in routed().routes
        for method in route.methods  # type: ignore[attr-defined]
    ]


async def test_every_route_but_the_public_ones_needs_a_token(yard: Gateway) -> None:
    routes = all_routes()
    assert len(routes) > 15
    for method, path in routes:
        answer = await yard.http.request(method, path)
        assert (answer.status_code == 401) == (path not in PUBLIC), (method, path)
        assert answer.headers["x-content-type-options"] == "nosniff"


NOWHERE = (
    *("/api", "/api/", "/api/v1/nothing", "/api/v2/jobs", "/api/v1/jobs/", "/%61pi/v1/nothing", "/api%2fv1/nothing"),
    *("/endpoints", "/healthz/", "/readyz/x", "/metrics/", "/grafana"),
)
PAGES = ("/", "/docs", "/jobs/x", "/x/%2e%2e/healthz", "/apis", "/assets/x.js")
LOOKING, CHANGING = ("GET", "HEAD"), ("POST", "DELETE", "PUT", "PATCH", "OPTIONS")


async def test_what_does_not_exist_needs_a_token_too_unless_it_could_be_a_page(yard: Gateway) -> None:
    asks = [(method, path) for path in NOWHERE for method in (*LOOKING, *CHANGING)]
    for method, path in (*asks, *((method, path) for path in PAGES for method in CHANGING)):
        assert (await yard.http.request(method, path)).status_code == 401, (method, path)
        found = await yard.http.request(method, path, headers=yard.token())
        assert found.status_code == 404, (method, path)
        if method != "HEAD":
            assert found.json()["code"] == "not_found"


async def test_an_unknown_method_is_405_and_says_which_one(yard: Gateway) -> None:
    assert (await yard.http.delete("/api/v1/jobs")).status_code == 401
    answer = await yard.call("DELETE", "/jobs")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_public_paths(yard: Gateway) -> None:
    assert (await yard.http.get("/healthz")).text == "ok\n"
    assert (await yard.http.get("/api/v1/openapi.json")).json()["openapi"].startswith("3.")
    metrics = await yard.http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")


async def test_metrics_have_patterns_for_routes_and_nothing_of_the_requests(yard: Gateway) -> None:
    await yard.call("GET", f"/jobs/{JOB}")
    await yard.call("GET", "/canary-path")
    await yard.http.request("CANARY", "/healthz")
    text = (await yard.http.get("/metrics")).text
    assert 'method="GET",route="/api/v1/jobs/{job_id}",status="404"' in text
    assert 'method="GET",route="none",status="404"' in text
    assert JOB not in text
    assert "canary" not in text.lower()


async def test_hosts_that_are_not_listed(yard: Gateway) -> None:
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8080", "10.0.0.1", ""):
        for path in ("/", "/metrics", "/api/v1/auth/methods", "/api/v1/jobs", "/nothing", "/healthz/", "/readyz/x"):
            answer = await yard.http.get(path, headers={"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), (host, path)
        for path in ("/healthz", "/readyz"):
            assert (await yard.http.post(path, headers={"Host": host})).status_code == 400, (host, path)


async def test_a_load_balancer_that_names_an_address_is_told_the_health_and_nothing_else(yard: Gateway) -> None:
    for host in ("10.4.0.7:8080", "[fd00::7]:8080", "evil.example", ""):
        assert (await yard.http.get("/healthz", headers={"Host": host})).text == "ok\n"
        ready = await yard.http.get("/readyz", headers={"Host": host})
        assert ready.json() == (await yard.http.get("/readyz")).json()


async def test_hosts_that_are_listed(tmp_path: Path) -> None:
    async with gateway(tmp_path, trusted_hosts=("Yard.example",)) as yard:
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "yard.example"):
            assert (await yard.http.get("/api/v1/auth/methods", headers={"Host": host})).status_code == 200, host


async def test_pages_of_other_sites_change_nothing(tmp_path: Path) -> None:
    async with gateway(tmp_path, allowed_origins=("https://console.example",)) as yard:
        for origin in ("https://evil.example", "null", f"https://{HOST}", "http://localhost:1"):
            answer = await yard.call("POST", "/jobs", json=BODY, headers={"Origin": origin})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), origin
            token = {"username": "admin", "password": "x"}
            signing_in = await yard.http.post("/api/v1/auth/token", json=token, headers={"Origin": origin})
            assert signing_in.status_code == 403
        assert yard.bus.asked == []
        for origin in ("https://console.example", f"http://{HOST}"):
            assert (await yard.call("POST", "/jobs", json=BODY, headers={"Origin": origin})).status_code == 201
        reading = await yard.call("GET", "/me", headers={"Origin": "https://evil.example"})
        assert reading.status_code == 200
        assert "access-control-allow-origin" not in reading.headers
        preflight = {"Origin": "https://console.example", "Access-Control-Request-Method": "PATCH"}
        allowed = await yard.http.options("/api/v1/jobs", headers=preflight)
        assert allowed.headers["access-control-allow-origin"] == "https://console.example"


async def test_a_page_that_came_by_https_through_an_unknown_proxy_is_told_what_is_missing(yard: Gateway) -> None:
    headers = {"Origin": f"https://{HOST}", "X-Forwarded-Proto": "https"}
    answer = await yard.call("POST", "/jobs", json=BODY, headers=headers)
    assert answer.status_code == 403
    assert "JOBYARD_GATEWAY_TRUSTED_PROXIES" in answer.json()["detail"]
    elsewhere = await yard.call("POST", "/jobs", json=BODY, headers={"Origin": "https://evil.example"})
    assert "TRUSTED_PROXIES" not in elsewhere.text


async def test_json_as_something_else(yard: Gateway) -> None:
    raw = b'{"name": "a", "command": "b"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        for path in ("/jobs", "/jobs:submit-batch", "/jobs:validate"):
            answer = await yard.call("POST", path, content=raw, headers={"Content-Type": kind})
            assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), kind
    assert yard.bus.asked == []


async def test_bodies_over_the_limit(yard: Gateway) -> None:
    announced = await yard.call(
        "POST", "/jobs", content=b"x" * (1 << 20) + b"y", headers={"Content-Type": "application/json"}
    )
    assert (announced.status_code, announced.json()["code"]) == (413, "too_large")
    assert announced.headers["connection"] == "close"


async def test_a_chunked_body_is_refused_when_it_passes_the_limit_and_not_read_to_its_end(yard: Gateway) -> None:
    pieces = 0

    async def endless() -> Any:
        nonlocal pieces
        while pieces < 10_000:
            pieces += 1
            yield b" " * 65_536

    async with asyncio.timeout(10):
        answer = await yard.call("POST", "/jobs", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert pieces < LINGER_BYTES // 65_536 + 100


async def test_a_body_that_does_not_arrive(tmp_path: Path) -> None:
    async with gateway(tmp_path, body_timeout_s=0.05) as yard:
        hangs = asyncio.Event()

        async def slow() -> Any:
            yield b"{"
            await hangs.wait()

        answer = await yard.call("POST", "/jobs", content=slow(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


async def test_a_fault_shows_nothing_of_the_inside(yard: Gateway) -> None:
    def broken(ask: object) -> object:
        raise RuntimeError("canary: /secret/path")

    yard.bus.answers["cmd.jobs.get.v1"] = broken
    answer = await yard.call("GET", f"/jobs/{JOB}")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "canary" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


async def test_request_ids_are_taken_over_when_they_are_harmless(yard: Gateway) -> None:
    given = await yard.call("GET", "/me", headers={"X-Request-Id": "my-id_1.2"})
    assert given.headers["x-request-id"] == "my-id_1.2"
    for odd in ("a b", "x" * 65, "<script>"):
        made = await yard.call("GET", "/me", headers={"X-Request-Id": odd})
        assert made.headers["x-request-id"] not in ("", odd)


async def test_too_many_requests_at_one_time(tmp_path: Path) -> None:
    async with gateway(tmp_path, max_requests=1) as yard:
        hangs = asyncio.Event()

        async def slow() -> Any:
            await hangs.wait()
            yield b'{"name": "a", "command": "b"}'

        first = asyncio.create_task(
            yard.call("POST", "/jobs", content=slow(), headers={"Content-Type": "application/json"})
        )
        await until(lambda: yard.parts.metrics.running, "the first one is under way")
        refused = await yard.call("GET", "/me")
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        assert (await yard.http.get("/healthz")).status_code == 200
        hangs.set()
        assert (await first).status_code == 201
        assert (await yard.call("GET", "/me")).status_code == 200


async def test_a_websocket_without_a_token_or_from_elsewhere_is_refused(yard: Gateway) -> None:
    app = yard.http._transport.app  # type: ignore[attr-defined]  # the application under the client
    for headers in ([], [(b"origin", b"https://evil.example")]):
        sent: list[Message] = []

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        scope = {
            "type": "websocket",
            "path": "/api/v1/events",
            "scheme": "ws",
            "headers": [(b"host", HOST.encode()), *headers],
            "extensions": {"websocket.http.response": {}},
        }
        await app(scope, receive, send)
        assert sent[0]["status"] == (403 if headers else 401)


async def test_while_the_database_is_away_requests_are_503_and_say_so(tmp_path: Path) -> None:
    async with gateway(tmp_path) as yard:
        await yard.store.close()
        answer = await yard.call("GET", "/me")
        assert answer.status_code == 503
        assert "database" in answer.json()["detail"]


async def test_a_body_of_somebody_without_a_token_has_less_time(tmp_path: Path) -> None:
    async with gateway(tmp_path, body_timeout_s=3600, public_body_timeout_s=0.05) as yard:
        hangs = asyncio.Event()

        async def slow() -> Any:
            yield b"{"
            await hangs.wait()

        headers = {"Content-Type": "application/json"}
        for path in ("token", "oidc/token", "oidc/device/token"):
            answer = await yard.http.post(f"/api/v1/auth/{path}", content=slow(), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout"), path
