"""The HTTP door before real programs: who comes in, what is refused, and what reaches the job and its client."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator

import aiohttp
import httpx
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from services.endpoints.door.problems import SAFE
from services.endpoints.door.tickets import PLAIN_COOKIE_S
from services.endpoints.door.upstream import INTERIM
from shared.contracts.endpoints import IssueTicket
from shared.contracts.errors import Conflict, Forbidden, Unauthorized
from shared.contracts.job import JobStatus
from tests.support.door import BOBS, CAROLS, EVES, JOB, OTHER_JOB, TOKEN, Answer, Door, open_door, program
from tests.support.executor import view_of
from tests.support.waiting import until

BROWSER = {"Accept": "text/html,*/*"}


@pytest.fixture
async def door() -> AsyncGenerator[Door]:
    async with open_door() as opened:
        yield opened


@contextlib.asynccontextmanager
async def application(*routes: web.RouteDef) -> AsyncIterator[int]:
    """A program of aiohttp's server; its port."""
    app = web.Application(client_max_size=1 << 30)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _mirror(request: web.Request) -> web.Response:
    """What it got, as JSON."""
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": (await request.read()).decode(),
        }
    )


@pytest.fixture
async def mirror() -> AsyncGenerator[int]:
    async with application(web.route("*", "/{any:.*}", _mirror)) as port:
        yield port


@pytest.fixture
async def path(door: Door, mirror: int) -> str:
    return await door.add("port-8080", mirror)


async def ticket_for(door: Door, name: str = "port-8080") -> str:
    return (await door.http_door.ticket(IssueTicket(job_id=JOB, name=name, credential="token:ada"))).url


def browser(**headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(trust_env=False, headers=BROWSER | headers, timeout=60)


# --- what reaches the job


async def test_the_job_gets_the_request_as_it_was_without_what_let_it_in(door: Door, path: str) -> None:
    answer = await door.http.put(
        f"{path}/a%2Fb//c?x=%20&ticket=the-jobs-own", content=b"body", headers={"Cookie": "jobyard-x=1; own=2"}
    )
    got = answer.json()
    assert (got["method"], got["path"], got["body"]) == ("PUT", "/a%2Fb//c?x=%20&ticket=the-jobs-own", "body")
    assert got["headers"]["cookie"] == "own=2"
    assert got["headers"]["x-forwarded-prefix"] == path
    assert got["headers"]["host"] == got["headers"]["x-forwarded-host"] == f"127.0.0.1:{door.port}"
    assert got["headers"]["x-forwarded-for"] == "127.0.0.1" and got["headers"]["x-forwarded-proto"] == "http"
    assert TOKEN not in answer.text and "authorization" not in got["headers"]


SIGNED_IN = "jobyard_session=eyJ.browser.canary; own=1; __Host-jobyard_session=eyJ.browser.canary"


async def test_what_a_browser_is_signed_in_by_at_the_api_never_reaches_a_job(door: Door, path: str) -> None:
    alone, twice = [("Cookie", "jobyard_session=eyJ.canary")], [("Cookie", "own=1"), ("cookie", SIGNED_IN)]
    for headers in ([("Cookie", SIGNED_IN)], alone, twice):
        answer = await door.http.get(f"{path}/", headers=headers)
        assert answer.status_code == 200
        assert "canary" not in answer.text and "jobyard" not in answer.json()["headers"].get("cookie", "")


async def test_it_is_no_way_in_at_the_door(door: Door, path: str) -> None:
    async with browser(Cookie=f"jobyard_session={TOKEN}; __Host-jobyard_session={TOKEN}") as signed_in:
        assert (await signed_in.get(f"{door.http.base_url}{path}/")).status_code == 401


async def test_a_job_neither_sets_nor_clears_what_browsers_are_signed_in_by(door: Door) -> None:
    async def answer(request: web.Request) -> web.Response:
        own = web.Response(text="hello")
        for name in ("jobyard_session", "__Host-jobyard_session", " JOBYARD_session", "=jobyard_session", "own"):
            own.headers.add("Set-Cookie", f"{name}=x; Path=/")
            own.headers.add("Set-Cookie", f"{name}=; Max-Age=0; Path=/; Domain=localhost")
        own.headers["Clear-Site-Data"] = '"cookies"'
        return own

    async with application(web.get("/", answer)) as port:
        path = await door.add("port-8080", port)
        got = await door.http.get(f"{path}/")
    assert (got.text, "clear-site-data" in got.headers) == ("hello", False)
    assert {cookie.partition("=")[0] for cookie in got.headers.get_list("set-cookie")} == {"own"}


async def test_jupyter_keeps_its_prefix_and_gets_its_token(door: Door, mirror: int) -> None:
    path = await door.add("jupyter", mirror, secret="s3cret")
    got = (await door.http.get(f"{path}/lab")).json()
    assert got["path"] == f"{path}/lab"
    assert got["headers"]["authorization"] == "token s3cret"
    assert "x-forwarded-prefix" not in got["headers"]


async def test_a_client_of_a_trusted_proxy_is_named_by_it_and_any_other_is_not_believed(mirror: int) -> None:
    said = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "localhost"}
    async with open_door() as door:
        got = (await door.http.get(f"{await door.add('port-8080', mirror)}/", headers=said)).json()["headers"]
        assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("127.0.0.1", "http")
    async with open_door(trusted_proxies=("127.0.0.1",)) as door:
        got = (await door.http.get(f"{await door.add('port-8080', mirror)}/", headers=said)).json()["headers"]
        assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("10.1.2.3, 127.0.0.1", "https")
        assert got["host"] == "localhost"


async def test_connections_to_the_job_are_kept_for_the_next_request(door: Door, path: str) -> None:
    for _ in range(5):
        assert (await door.http.get(f"{path}/")).status_code == 200
    assert len(door.dialled) == 1


async def test_an_address_without_its_slash_leads_to_the_one_with_it(door: Door, path: str) -> None:
    answer = await door.http.get(f"{path}?a=b")
    assert (answer.status_code, answer.headers["location"]) == (308, f"{path}/?a=b")


# --- who comes in


async def test_nobody_comes_in_without_a_token_and_is_told_how(door: Door, path: str) -> None:
    async with browser() as nobody:
        page = await nobody.get(f"{door.http.base_url}{path}/")
        assert page.status_code == 401 and "jobyard endpoint open" in page.text
        assert page.headers["content-type"].startswith("text/html")
        problem = await nobody.get(f"{door.http.base_url}{path}/", headers={"Accept": "*/*"})
        assert problem.status_code == 401 and problem.json()["code"] == "unauthorized"
        assert problem.headers["www-authenticate"].startswith("Bearer")
        own = await nobody.get(f"{door.http.base_url}{path}/", headers={"Authorization": "Bearer the-jobs-own"})
        assert own.status_code == 401
    assert not door.dialled


@pytest.mark.parametrize(("token", "status"), [(BOBS, 403), (EVES, 404), ("jy_unknown", 401)])
async def test_others_are_refused_as_the_gateway_says(door: Door, path: str, token: str, status: int) -> None:
    assert (await door.http.get(f"{path}/", headers={"Authorization": f"Bearer {token}"})).status_code == status
    assert not door.dialled


@pytest.mark.parametrize("name", ["port-8081", "port-22", "ssh", "169.254.169.254", "[::ffff:169.254.169.254]", "a:80"])
async def test_only_registered_endpoints_are_reached(door: Door, path: str, name: str) -> None:
    assert (await door.http.get(f"/endpoints/{JOB}/{name}/")).status_code == 403
    assert not door.dialled


async def test_an_endpoint_that_the_job_was_submitted_with_is_being_opened_before_it_is_stored(door: Door) -> None:
    door.gatekeeper.jobs = (view_of(JOB, JobStatus.QUEUED, interactive_ports=(8080,)),)
    assert (await door.http.get(f"/endpoints/{JOB}/port-8081/")).status_code == 403
    answer = await door.http.get(f"/endpoints/{JOB}/port-8080/")
    assert answer.status_code == 409 and "is being opened" in answer.json()["detail"]
    door.gatekeeper.jobs = (view_of(JOB, JobStatus.KILLED, interactive_ports=(8080,)),)
    assert (await door.http.get(f"/endpoints/{JOB}/port-8080/")).status_code == 403


async def test_an_endpoint_that_is_no_page_says_what_to_use(door: Door) -> None:
    answer = await door.http.get(f"{await door.add('ssh', None)}/")
    assert answer.status_code == 403 and "jobyard ssh" in answer.json()["detail"]


async def test_a_page_shows_commands_as_such_and_nothing_of_what_was_asked_for_as_markup(door: Door, path: str) -> None:
    page = await door.http.get(f"/endpoints/{JOB}/port-9999/", headers=BROWSER)
    assert f"<code>jobyard endpoint add {JOB} port-9999</code>" in page.text and "`" not in page.text
    page = await door.http.get(f"/endpoints/{JOB}/<b>x<b>/", headers=BROWSER)
    assert page.status_code == 403 and "<b>" not in page.text and "jobyard endpoint add" not in page.text


async def test_a_job_that_does_not_run_is_a_conflict_and_a_page_that_looks_again(door: Door, mirror: int) -> None:
    path = await door.add("port-8080", mirror, running=False)
    answer = await door.http.get(f"{path}/")
    assert answer.status_code == 409 and "does not run" in answer.json()["detail"]
    page = await door.http.get(f"{path}/", headers=BROWSER)
    assert page.status_code == 409 and 'http-equiv="refresh"' in page.text


@pytest.mark.parametrize("job_id", ["*", ">", "a.b", "01jd00rd00rd00rd00rd00rdaa", "$ne"])
async def test_what_is_no_job_id_is_invalid(door: Door, job_id: str) -> None:
    assert (await door.http.get(f"/endpoints/{job_id}/port-8080/")).status_code == 422


async def test_a_ticket_opens_once_and_becomes_a_cookie_of_this_path(door: Door, path: str) -> None:
    url = await ticket_for(door)
    async with browser() as ada:
        answer = await ada.get(f"{url}&tab=2")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/?tab=2")
        cookie = answer.headers["set-cookie"]
        assert (
            f"Path={path};" in cookie and "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie
        )
        own = await ada.get(f"{door.http.base_url}{path}/", headers={"Authorization": "Bearer the-jobs-own"})
        assert own.status_code == 200 and own.json()["headers"]["authorization"] == "Bearer the-jobs-own"
        assert "cookie" not in own.json()["headers"]
        again = await ada.get(url)
        assert (again.status_code, again.headers["location"]) == (303, f"{path}/"), "a reload of the same browser"
    async with browser() as second:
        assert (await second.get(url)).status_code == 401
    assert "ticket" not in own.text


async def test_of_many_that_show_one_ticket_at_once_one_comes_in(door: Door, path: str) -> None:
    url = await ticket_for(door)
    async with browser() as crowd:
        answers = await asyncio.gather(*(crowd.get(url) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [303] + [401] * 11


async def test_only_a_get_uses_a_ticket_up(door: Door, path: str) -> None:
    url = await ticket_for(door)
    async with browser() as ada:
        assert (await ada.head(url)).status_code == 401
        assert (await ada.get(url)).status_code == 303


async def test_over_plain_http_a_cookie_counts_from_the_address_that_it_was_given_to(mirror: int) -> None:
    async with open_door(trusted_proxies=("127.0.0.1",)) as door:
        path = await door.add("port-8080", mirror)
        url = await ticket_for(door)
        async with browser() as ada:
            opened = await ada.get(url, headers={"X-Forwarded-For": "192.0.2.7"})
            assert f"Max-Age={PLAIN_COOKIE_S}" in opened.headers["set-cookie"]
            for source, status in (("192.0.2.7", 200), ("192.0.2.8", 401), ("192.0.2.7, 192.0.2.8", 401)):
                answer = await ada.get(f"{door.http.base_url}{path}/", headers={"X-Forwarded-For": source})
                assert answer.status_code == status, source


async def test_over_https_a_cookie_says_so_in_its_name(mirror: int) -> None:
    async with open_door(public_url="https://jobs.example.org") as door:
        path = await door.add("port-8080", mirror)
        query = (await ticket_for(door)).partition("?")[2]
        async with browser(Host="jobs.example.org") as ada:
            opened = await ada.get(f"{door.http.base_url}{path}/?{query}")
            cookie = opened.headers["set-cookie"]
            assert cookie.startswith("__Secure-jobyard-endpoint=") and "; Secure" in cookie
            value = cookie.partition(";")[0]
            assert (await ada.get(f"{door.http.base_url}{path}/", headers={"Cookie": value})).status_code == 200
            bare = value.removeprefix("__Secure-")
            assert (await ada.get(f"{door.http.base_url}{path}/", headers={"Cookie": bare})).status_code == 401


async def test_a_ticket_opens_nothing_but_its_endpoint(door: Door, path: str, mirror: int) -> None:
    other = await door.add("port-8081", mirror)
    query = (await ticket_for(door)).partition("?")[2]
    async with browser() as thief:
        assert (await thief.get(f"{door.http.base_url}{other}/?{query}")).status_code == 401
        assert (await thief.post(f"{door.http.base_url}{path}/?{query}")).status_code == 401
        assert (await thief.get(f"{door.http.base_url}{path}/?ticket=jyt_{'x' * 43}")).status_code == 401


async def test_a_cookie_counts_for_its_endpoint_and_untouched_only(door: Door, path: str, mirror: int) -> None:
    others = [await door.add("port-8081", mirror), await door.add("port-8080", mirror, OTHER_JOB)]
    async with browser() as ada:
        cookie = (await ada.get(await ticket_for(door))).headers["set-cookie"].partition(";")[0]
    base = str(door.http.base_url)
    async with browser(Cookie=cookie) as thief:
        assert (await thief.get(f"{base}{path}/")).status_code == 200
        for other in others:
            assert (await thief.get(f"{base}{other}/")).status_code == 401
    for broken in (f"{cookie[:-2]}xx", cookie.replace("=", "=e", 1), "jobyard-endpoint=.", "jobyard-endpoint=ä"):
        async with browser() as thief:
            answer = await thief.get(f"{base}{path}/", headers=[(b"Cookie", broken.encode())])
            assert answer.status_code == 401


async def test_a_cookie_ends_with_the_permission(door: Door, path: str) -> None:
    async with browser() as ada:
        await ada.get(await ticket_for(door))
        assert (await ada.get(f"{door.http.base_url}{path}/")).status_code == 200
        door.gatekeeper.refused = Unauthorized("This sign-in does not count any more.")

        async def refused() -> bool:
            return (await ada.get(f"{door.http.base_url}{path}/")).status_code == 401

        await until(refused, "the cookie does not count any more")


async def test_no_ticket_for_what_one_may_not_use(door: Door, path: str) -> None:
    with pytest.raises(Forbidden):
        await door.http_door.ticket(IssueTicket(job_id=JOB, name="port-8080", credential="token:bob"))
    with pytest.raises(Forbidden, match="has no endpoint"):
        await door.http_door.ticket(IssueTicket(job_id=JOB, name="port-9999", credential="token:ada"))
    await door.add("tensorboard", None, running=False)
    with pytest.raises(Conflict):
        await door.http_door.ticket(IssueTicket(job_id=JOB, name="tensorboard", credential="token:ada"))


async def test_pages_of_other_sites_change_nothing_and_open_no_websocket(door: Door, path: str) -> None:
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{door.port + 1}"):
        assert (await door.http.post(f"{path}/", headers={"Origin": origin})).status_code == 403
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(
                    f"{door.http.base_url}{path}/ws",
                    headers={"Authorization": f"Bearer {TOKEN}", "Origin": origin},
                )
            assert refused.value.status == 403
    assert not door.dialled
    own = {"Origin": f"http://127.0.0.1:{door.port}"}
    assert (await door.http.post(f"{path}/", headers=own)).status_code == 200


async def test_the_door_answers_to_its_own_names_only(door: Door, path: str) -> None:
    assert (await door.http.get(f"{path}/", headers={"Host": "evil.example"})).status_code == 400
    assert (await door.http.get(f"{path}/", headers={"Host": "127.0.0.1:99999"})).status_code == 400
    assert (await door.http.get(f"{path}/", headers={"Host": "localhost"})).status_code == 200


async def test_a_load_balancer_that_names_an_address_is_told_the_health_and_nothing_else(door: Door, path: str) -> None:
    async with httpx.AsyncClient(base_url=door.http.base_url, trust_env=False) as balancer:
        for host in ("10.4.0.7:8081", "[fd00::7]:8081", "localhost", ""):
            for asked in ("/healthz", "/readyz"):
                answer = await balancer.get(asked, headers={"Host": host})
                assert (answer.status_code, answer.text) == (200, "ok\n"), (host, asked)
                assert (await balancer.head(asked, headers={"Host": host})).status_code == 200
            changing = await balancer.post("/healthz", headers={"Host": host})
            assert changing.status_code == (404 if host == "localhost" else 400)
        for beside in ("/", f"{path}/", "/healthz/", f"{path}/healthz"):
            assert (await balancer.get(beside, headers={"Host": "10.4.0.7"})).status_code == 400


async def test_there_is_nothing_beside_endpoints(door: Door) -> None:
    for beside in ("/", "/metrics", "/api/v1/jobs", "/endpoints", f"/endpoints/{JOB}"):
        assert (await door.http.get(beside)).status_code == 404


async def test_more_than_the_door_can_carry_is_told_to_come_again(mirror: int) -> None:
    async with open_door(max_requests=1) as door, application(web.get("/slow", _endless)) as slow:
        busy, quick = await door.add("port-8080", slow), await door.add("port-8081", mirror)
        async with door.http.stream("GET", f"{busy}/slow"):
            answer = await door.http.get(f"{quick}/")
            assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0

        async def open_again() -> bool:
            return (await door.http.get(f"{quick}/")).status_code == 200

        await until(open_again, "there is room again")


async def test_one_user_has_a_share_of_the_door_tunnels_included(mirror: int) -> None:
    async with open_door(max_requests=10, max_requests_per_user=1) as door, application(web.get("/ws", _echo)) as port:
        quick, busy = await door.add("port-8081", mirror), await door.add(f"port-{port}", port)
        carol = {"Authorization": f"Bearer {CAROLS}"}

        async def refused() -> None:
            answer = await door.http.get(f"{quick}/")
            assert answer.status_code == 503 and "MAX_REQUESTS_PER_USER" in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) > 0
            assert (await door.http.get(f"{quick}/", headers=carol)).status_code == 200

        async with websocket(door, f"{busy}/ws"):
            await refused()

        async def open_again() -> bool:
            return (await door.http.get(f"{quick}/")).status_code == 200

        await until(open_again, "there is room again")
        async with websocket(door, f"/endpoints/{JOB}/tunnel/{port}"):
            await refused()
        await until(open_again, "there is room again")
        async with door.http.stream("GET", f"{quick}/", headers=carol):
            pass


async def test_a_tunnel_leads_from_the_doors_own_names_only(door: Door, mirror: int) -> None:
    await door.add(f"port-{mirror}", mirror)
    for route in (f"tunnel/{mirror}", "ssh/exec"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with websocket(door, f"/endpoints/{JOB}/{route}", headers={"Host": "evil.example"}):
                pass
        assert refused.value.status == 400
    assert not door.dialled


async def test_only_who_was_let_in_keeps_a_connection(door: Door, path: str) -> None:
    stranger = await door.raw(f"GET {path}/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert stranger.startswith(b"HTTP/1.1 401 ") and b"\r\nConnection: close\r\n" in stranger
    asked = f"GET {path}/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    answer = await door.raw(f"{asked}\r\n{asked}Connection: close\r\n\r\n".encode())
    assert answer.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.parametrize(
    ("settings", "warns"),
    [
        ({}, False),
        ({"public_url": "http://yard.example.org:8081"}, True),
        ({"host": "0.0.0.0"}, True),
        ({"host": "0.0.0.0", "public_url": "https://yard.example.org"}, False),
    ],
)
async def test_a_door_that_others_reach_without_https_warns_at_its_start(settings: dict[str, str], warns: bool) -> None:
    with capture_logs() as said:
        async with open_door(**settings):
            pass
    assert ("door_plain_http" in [line["event"] for line in said]) is warns


# --- an origin for each endpoint


async def test_each_endpoint_has_its_own_origin_in_a_domain(mirror: int) -> None:
    async with open_door(domain="jobs.example.org", public_url="https://jobs.example.org") as door:
        await door.add("port-8080", mirror)
        await door.add("jupyter", mirror, secret="s3cret")
        host = f"{JOB.lower()}-port-8080.jobs.example.org"
        got = (await door.http.get("/a?b", headers={"Host": host})).json()
        assert got["path"] == "/a?b" and got["headers"]["host"] == host
        assert "x-forwarded-prefix" not in got["headers"] and got["headers"]["x-forwarded-proto"] == "https"
        assert (await door.http.get("/healthz", headers={"Host": host})).json()["path"] == "/healthz", "the program's"
        assert (await door.http.get("/healthz", headers={"Host": "10.4.0.7"})).text == "ok\n"
        opened = httpx.URL(await ticket_for(door))
        assert f"{opened.scheme}://{opened.host}{opened.path}" == f"https://{host}/"
        async with browser(Host=host) as ada:
            answer = await ada.get(f"{door.http.base_url}/?{opened.query.decode()}")
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-jobyard-endpoint=")
            assert "Path=/;" in cookie and "; Secure" in cookie and "Domain" not in cookie
            headers = {"Cookie": cookie.partition(";")[0]}
            assert (await ada.get(f"{door.http.base_url}/", headers=headers)).status_code == 200
            posted = await ada.post(f"{door.http.base_url}/", headers=headers | {"Origin": f"https://{host}"})
            assert posted.status_code == 200
            neighbour = f"https://{JOB.lower()}-jupyter.jobs.example.org"
            foreign = await ada.post(f"{door.http.base_url}/", headers=headers | {"Origin": neighbour})
            assert foreign.status_code == 403
        jupyter = {"Host": f"{JOB.lower()}-jupyter.jobs.example.org"}
        home = await door.http.get("/", headers=jupyter)
        assert home.headers["location"] == f"/endpoints/{JOB}/jupyter/"
        assert (await door.http.get(f"/endpoints/{JOB}/jupyter/", headers=jupyter)).status_code == 200


@pytest.mark.parametrize("beside", ["a@evil.com:80/b", f"{JOB}/b.evil.com", f"{JOB}/evil.com:80", f"{JOB}x/port-8080"])
async def test_in_a_domain_nobody_is_sent_to_a_name_that_is_no_endpoints(beside: str) -> None:
    async with open_door(domain="jobs.example.org", public_url="https://jobs.example.org") as door, browser() as ada:
        answer = await ada.get(f"{door.http.base_url}/endpoints/{beside}/", headers={"Host": "jobs.example.org"})
        assert answer.status_code == 422 and "location" not in answer.headers


async def test_in_a_domain_a_path_shows_a_browser_nothing(mirror: int) -> None:
    async with open_door(domain="jobs.example.org", public_url="https://jobs.example.org") as door:
        path = await door.add("port-8080", mirror)
        url = httpx.URL(await ticket_for(door))
        async with browser(Host="jobs.example.org") as ada:
            moved = await ada.get(f"{door.http.base_url}{path}/a?b")
            assert moved.status_code == 307
            assert moved.headers["location"] == f"https://{JOB.lower()}-port-8080.jobs.example.org/a?b"
            own = {"Host": f"{JOB.lower()}-port-8080.jobs.example.org"}
            cookie = (await ada.get(f"{door.http.base_url}/?{url.query.decode()}", headers=own)).headers["set-cookie"]
            posted = await ada.post(f"{door.http.base_url}{path}/", headers={"Cookie": cookie.partition(";")[0]})
            assert posted.status_code == 401
        assert (await door.http.get(f"{path}/", headers={"Host": "jobs.example.org"})).status_code == 200


# --- what is not there, or speaks something else


async def test_a_port_that_nothing_listens_on_yet_says_so_and_looks_again(door: Door) -> None:
    async with program(_hang_up) as free:
        pass
    path = await door.add("port-8080", free)
    answer = await door.http.get(f"{path}/")
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
    assert answer.json()["code"] == "not_listening" and "Nothing listens" in answer.json()["detail"]
    page = await door.http.get(f"{path}/", headers=BROWSER)
    assert page.status_code == 503 and 'http-equiv="refresh"' in page.text and "Nothing listens" in page.text


async def _hang_up(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    writer.close()


async def _banner(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    writer.close()


@pytest.mark.parametrize("other", [_hang_up, _banner])
async def test_a_service_that_speaks_no_http_is_reached_with_port_forward(door: Door, other: Answer) -> None:
    async with program(other) as port:
        page = await door.http.get(f"{await door.add('port-8080', port)}/", headers=BROWSER)
    assert page.status_code == 502 and f"jobyard port-forward {JOB} {port}" in page.text


def _reply(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


HOSTILE = {
    "two lengths": _reply("HTTP/1.1 200 OK", "Content-Length: 2", "Content-Length: 3", body=b"abc"),
    "a length that is none": _reply("HTTP/1.1 200 OK", "Content-Length: -1"),
    "a chunk size that is none": _reply("HTTP/1.1 200", "Transfer-Encoding: chunked", "Content-Length: zz"),
    "a header without a name": _reply("HTTP/1.1 200 OK", ": x"),
    "a name with a space": _reply("HTTP/1.1 200 OK", "X y: 1"),
    "a value with NUL": _reply("HTTP/1.1 200 OK", "X: a\0b", "Content-Length: 0"),
    "a value with a lone CR": _reply("HTTP/1.1 200 OK", "X: a\rSet-Cookie: b", "Content-Length: 0"),
    "words with a control character": _reply("HTTP/1.1 200 O\x01K", "Content-Length: 0"),
    "no status": _reply("HTTP/1.1 xyz OK"),
    "another protocol": _reply("HTTP/9.9 200 OK"),
    "a 101 that nobody asked for": _reply("HTTP/1.1 101 Switching", "Upgrade: websocket", "Connection: Upgrade"),
    "endless headers": _reply("HTTP/1.1 200 OK", *(f"X-{number}: x" for number in range(5000))),
    "an endless header": _reply("HTTP/1.1 200 OK", f"X: {'x' * 500_000}"),
}


@pytest.mark.parametrize("what", HOSTILE)
async def test_a_hostile_reply_of_the_job_is_a_bad_gateway(door: Door, what: str) -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(HOSTILE[what])
        await writer.drain()
        writer.close()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        refused = await door.http.get(f"{path}/")
        assert refused.status_code == 502 and "set-cookie" not in refused.headers, refused.headers
    assert (await door.http.get("/")).status_code == 404


async def test_a_program_that_never_comes_to_its_reply_is_left(door: Door) -> None:
    over = asyncio.Event()

    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                writer.write(_reply("HTTP/1.1 102 Processing") * 4000)
                await writer.drain()
        finally:
            over.set()

    async with program(answer) as port:
        refused = await door.http.get(f"{await door.add('port-8080', port)}/")
        assert refused.status_code == 502
        await until(over.is_set, "the connection to the program is closed")


async def test_some_interim_replies_are_taken_before_the_reply(door: Door) -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(_reply("HTTP/1.1 103 Early Hints", "Link: x") * INTERIM)
        writer.write(_reply("HTTP/1.1 200 OK", "Content-Length: 2", body=b"ok"))
        await writer.drain()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        for _ in range(2):
            got = await door.http.get(f"{path}/")
            assert (got.status_code, got.text) == (200, "ok") and "link" not in got.headers
    assert len(door.dialled) == 1


async def test_a_body_of_tiny_chunks_is_whole(door: Door) -> None:
    count = 100_000

    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(_reply("HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
        writer.write(b"1\r\na\r\n" * count + b"0\r\n\r\n")
        await writer.drain()

    async with program(answer) as port:
        got = await door.http.get(f"{await door.add('port-8080', port)}/")
    assert got.content == b"a" * count


@pytest.mark.parametrize(
    ("framing", "begin", "rest"),
    [
        ("Content-Length: 100", b"half", b""),
        ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n", b"zz\r\n"),
        ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n", b"5\r\nhal"),
        ("Transfer-Encoding: chunked", b"4\r\nhalf\r\n", b""),
    ],
)
async def test_a_reply_that_breaks_off_never_looks_whole(door: Door, framing: str, begin: bytes, rest: bytes) -> None:
    begun = asyncio.Event()

    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(_reply("HTTP/1.1 200 OK", framing, body=begin))
        await begun.wait()
        writer.write(rest)
        await writer.drain()
        writer.close()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        async with door.http.stream("GET", f"{path}/") as got:
            pieces = got.aiter_raw()
            assert await anext(pieces) == b"half"
            begun.set()
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in pieces:
                    pass


async def test_a_length_beside_chunks_is_the_jobs_mistake_and_ends_at_the_door(door: Door) -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        chunks = b"5\r\nhello\r\n0\r\nX-Trailer: evil\r\n\r\n"
        writer.write(_reply("HTTP/1.1 200 OK", "Content-Length: 3", "Transfer-Encoding: chunked", body=chunks))
        await writer.drain()

    async with program(answer) as port:
        got = await door.http.get(f"{await door.add('port-8080', port)}/")
    if got.status_code == 200:
        assert got.text == "hello" and "content-length" not in got.headers and "x-trailer" not in got.headers
    else:
        assert got.status_code == 502


# --- smuggling


def _request(door: Door, path: str, *lines: str, body: bytes = b"", host: bool = True) -> bytes:
    head = [f"POST {path}/ HTTP/1.1", *([f"Host: 127.0.0.1:{door.port}"] if host else [])]
    return "\r\n".join([*head, f"Authorization: Bearer {TOKEN}", *lines, "", ""]).encode("latin-1") + body


def _is_bad_request(answer: bytes) -> bool:
    return answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SMUGGLING: dict[str, tuple[tuple[str, ...], bytes]] = {
    "length with chunks": (("Content-Length: 4", "Transfer-Encoding: chunked"), b"0\r\n\r\n" + SMUGGLED),
    "chunks with length": (("Transfer-Encoding: chunked", "Content-Length: 4"), b"0\r\n\r\n" + SMUGGLED),
    "two lengths": (("Content-Length: 0", "Content-Length: 44"), SMUGGLED),
    "a list of lengths": (("Content-Length: 0, 44",), SMUGGLED),
    "a signed length": (("Content-Length: +0",), SMUGGLED),
    "two hosts": (("Host: evil.example",), b""),
    "a folded header": (("X: a", " b"), b""),
    "a folded length": (("Content-Length: 0", "\t44"), SMUGGLED),
    "a space before the colon": (("Content-Length : 44",), SMUGGLED),
    "chunked twice": (("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), b"0\r\n\r\n" + SMUGGLED),
    "something like chunked": (("Transfer-Encoding: xchunked",), b"0\r\n\r\n" + SMUGGLED),
    "chunked and more": (("Transfer-Encoding: chunked, identity",), b"0\r\n\r\n" + SMUGGLED),
    "a bare line feed": (("X: a\nTransfer-Encoding: chunked",), b"0\r\n\r\n" + SMUGGLED),
    "a lone carriage return": (("X: a\rTransfer-Encoding: chunked",), b"0\r\n\r\n" + SMUGGLED),
    "a NUL in a header": (("X: a\0b",), b""),
    "a chunk size that is none": (("Transfer-Encoding: chunked",), b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a bare line feed behind a chunk size": (("Transfer-Encoding: chunked",), b"5\nhello\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("what", SMUGGLING)
async def test_smuggling_is_a_bad_request_and_the_end_of_the_connection(door: Door, path: str, what: str) -> None:
    headers, body = SMUGGLING[what]
    answer = await door.raw(_request(door, path, *headers, body=body))
    assert _is_bad_request(answer), answer
    assert answer.count(b"HTTP/1.") == 1


async def test_no_host_and_no_address_of_a_page_is_a_bad_request(door: Door, path: str) -> None:
    assert _is_bad_request(await door.raw(_request(door, path, "Connection: close", host=False)))
    for target in ("http://evil.example/", "evil.example:80", "*"):
        request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nConnection: close\r\n\r\n".encode()
        assert _is_bad_request(await door.raw(request)), target
    assert not door.dialled


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /x HTTP/1.1 z",
        "no request",
        "CONNECT evil.example:80 HTTP/1.1",
        "GET /endpoints HTTP/1.0\r\nTransfer-Encoding: chunked",
    ],
)
async def test_what_is_no_request_of_ours_is_answered_by_the_door_itself(door: Door, request_line: str) -> None:
    answer = await door.raw(f"{request_line}\r\nHost: 127.0.0.1:{door.port}\r\n\r\n".encode())
    assert _is_bad_request(answer), answer
    for name, value in SAFE.items():
        assert f"\r\n{name}: {value}\r\n".encode() in answer
    assert b"aiohttp" not in answer and b"application/problem+json" in answer


@pytest.mark.parametrize("deceit", ["..", "%2e%2e", "%252e%252e", "..%5c", "a%5c..", "a%00", "%c0%ae%c0%ae", "a;/..;x"])
async def test_traversal_is_refused_in_every_encoding_before_anything_is_sent(
    door: Door, path: str, deceit: str
) -> None:
    request = f"GET {path}/{deceit}/x HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
    answer = await door.raw(f"{request}Connection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 422 "), answer
    assert not door.dialled


async def test_what_was_smuggled_in_a_body_is_a_body(door: Door, path: str) -> None:
    answer = await door.raw(
        _request(door, path, f"Content-Length: {len(SMUGGLED)}", "Connection: close", body=SMUGGLED)
    )
    assert answer.count(b"HTTP/1.1 200") == 1 and b"/smuggled" in answer


# --- how bytes travel


async def _endless(request: web.Request) -> web.StreamResponse:
    """Server-sent events without an end; each is sent when the one before was."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    while True:
        await response.write(b"data: beat\n\n")
        await asyncio.sleep(0.05)


async def test_server_sent_events_arrive_as_they_are_sent(door: Door) -> None:
    sent = asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: first\n\n")
        await sent.wait()
        await response.write(b"data: last\n\n")
        return response

    async with application(web.get("/events", events)) as port:
        path = await door.add("port-8080", port)
        async with door.http.stream("GET", f"{path}/events") as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            pieces = answer.aiter_raw()
            assert await anext(pieces) == b"data: first\n\n"
            sent.set()
            assert await anext(pieces) == b"data: last\n\n"


async def test_a_body_is_passed_on_while_it_is_being_sent(door: Door) -> None:
    arrived = asyncio.Event()

    async def upload(request: web.Request) -> web.Response:
        assert await request.content.readexactly(5) == b"first"
        arrived.set()
        return web.Response(text=(await request.content.read()).decode())

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await arrived.wait()
        yield b"last"

    async with application(web.post("/", upload)) as port:
        answer = await door.http.post(f"{await door.add('port-8080', port)}/", content=body())
    assert answer.text == "last"


async def test_a_body_may_be_larger_than_any_buffer(door: Door) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            await response.write(chunk)
        return response

    piece, count = b"0123456789abcdef" * 8192, 256
    sent, got = hashlib.sha256(), hashlib.sha256()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(count):
            sent.update(piece)
            yield piece

    async with (
        application(web.post("/", echo)) as port,
        aiohttp.ClientSession(str(door.http.base_url), headers={"Authorization": f"Bearer {TOKEN}"}) as both_ways,
        both_ways.post(f"{await door.add('port-8080', port)}/", data=body()) as answer,
    ):
        async for chunk in answer.content.iter_any():
            got.update(chunk)
    assert got.hexdigest() == sent.hexdigest()


async def test_replies_without_a_body_keep_their_headers(door: Door) -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        if head.startswith(b"HEAD"):
            writer.write(_reply("HTTP/1.1 200 OK", "Content-Length: 12345", "ETag: x"))
        else:
            writer.write(_reply("HTTP/1.1 304 Not Modified", "ETag: x"))
        await writer.drain()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        head = await door.http.head(f"{path}/")
        assert (head.status_code, head.headers["content-length"], head.headers["etag"]) == (200, "12345", "x")
        unchanged = await door.http.get(f"{path}/")
        assert (unchanged.status_code, unchanged.headers["etag"], unchanged.content) == (304, "x", b"")
        assert "content-type" not in unchanged.headers


async def test_a_reply_gets_no_headers_that_the_job_did_not_send(door: Door) -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(
            _reply("HTTP/1.1 200 Fine", "Content-Length: 2", "Date: now", "Set-Cookie: a=1; Path=/", body=b"ok")
        )
        await writer.drain()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        got = await door.http.get(f"{path}/")
        assert got.reason_phrase == "Fine"
        assert dict(got.headers) == {"content-length": "2", "date": "now", "set-cookie": f"a=1; Path={path}"}


async def test_a_compressed_body_stays_compressed(door: Door) -> None:
    packed = b"\x1f\x8b\x08 not really"

    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(_reply("HTTP/1.1 200 OK", f"Content-Length: {len(packed)}", "Content-Encoding: gzip", body=packed))
        await writer.drain()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        async with door.http.stream("GET", f"{path}/") as got:
            assert got.headers["content-encoding"] == "gzip"
            assert b"".join([piece async for piece in got.aiter_raw()]) == packed


async def test_a_client_that_waits_is_told_to_go_on_only_when_it_may(door: Door, path: str) -> None:
    waiting = ("Expect: 100-continue", "Content-Length: 4")
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(_request(door, path, *waiting, "Connection: close"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"body")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 ") and b'"body": "body"' in answer and b"expect" not in answer
    writer.close()
    refused = _request(door, path.replace("8080", "9999"), *waiting, "Connection: close")
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(refused)
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 403 ")
    writer.close()


async def test_trailers_of_a_request_go_nowhere(door: Door, path: str) -> None:
    body = b"4\r\nbody\r\n0\r\nX-Trailer: evil\r\nHost: evil\r\n\r\n"
    answer = await door.raw(_request(door, path, "Transfer-Encoding: chunked", "Connection: close", body=body))
    assert answer.startswith(b"HTTP/1.1 200 ") and b'"body": "body"' in answer and b"evil" not in answer


async def test_a_job_that_answers_early_is_heard(door: Door) -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(_reply("HTTP/1.1 413 Too Large", "Content-Length: 3", "Connection: close", body=b"no\n"))
        await writer.drain()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(_request(door, path, "Content-Length: 1000000", body=b"the beginning"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        writer.close()


async def test_the_jobs_side_is_closed_when_the_client_goes(door: Door) -> None:
    gone = asyncio.Event()

    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        writer.write(_reply("HTTP/1.1 200 OK", "Content-Type: text/event-stream", body=b"data: x\n\n"))
        await writer.drain()
        if await reader.read() == b"":
            gone.set()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        async with door.http.stream("GET", f"{path}/") as got:
            await anext(got.aiter_raw())
        await until(gone.is_set, "the connection to the job is closed")


# --- websockets


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=1 << 26, protocols=("chat",))
    await socket.prepare(request)
    async for message in socket:
        if message.type is aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        else:
            await socket.send_str(f"{message.data} {request.headers.get('Authorization')}")
    return socket


@contextlib.asynccontextmanager
async def websocket(
    door: Door, path: str, autoping: bool = True, headers: dict[str, str] | None = None
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}", **(headers or {})}) as session,
        session.ws_connect(
            f"{door.http.base_url}{path}", max_msg_size=1 << 26, protocols=("chat",), autoping=autoping
        ) as socket,
    ):
        yield socket


async def test_a_websocket_carries_frames_of_any_size_both_ways(door: Door) -> None:
    async with application(web.get("/ws", _echo)) as port:
        path = await door.add("port-8080", port)
        async with websocket(door, f"{path}/ws") as socket:
            assert socket.protocol == "chat"
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello None"
            frame = bytes(range(256)) * (1 << 16)
            for _ in range(2):
                await socket.send_bytes(frame)
                assert await socket.receive_bytes() == frame
        await until(lambda: socket.closed, "the websocket is closed")


async def test_a_websocket_does_not_bring_a_job_what_a_browser_is_signed_in_by(door: Door) -> None:
    async def told(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(request.headers.get("Cookie", ""))
        return socket

    async with application(web.get("/ws", told)) as port:
        path = await door.add("port-8080", port)
        async with websocket(door, f"{path}/ws", headers={"Cookie": SIGNED_IN}) as socket:
            assert await socket.receive_str() == "own=1"


async def test_a_websocket_that_the_job_closes_ends_with_its_reason(door: Door) -> None:
    async def farewell(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("bye")
        await socket.close(code=4001, message=b"enough")
        return socket

    async with application(web.get("/ws", farewell)) as port:
        path = await door.add("port-8080", port)
        async with websocket(door, f"{path}/ws") as socket:
            assert await socket.receive_str() == "bye"
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 4001


async def test_what_a_job_answers_instead_of_a_websocket_reaches_the_client(door: Door) -> None:
    async def no(request: web.Request) -> web.Response:
        return web.Response(status=418, text="teapot")

    async with application(web.get("/ws", no)) as port:
        path = await door.add("port-8080", port)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with websocket(door, f"{path}/ws"):
                pass
    assert refused.value.status == 418


async def test_a_101_that_answers_another_handshake_is_a_bad_gateway(door: Door) -> None:
    async def answer(head: bytes, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        writer.write(_reply("HTTP/1.1 101 Switching", "Upgrade: websocket", "Connection: Upgrade", accept))
        await writer.drain()

    async with program(answer) as port:
        path = await door.add("port-8080", port)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with websocket(door, f"{path}/ws"):
                pass
    assert refused.value.status == 502


async def test_what_is_no_handshake_of_a_websocket_is_a_bad_request(door: Door, path: str) -> None:
    upgrade = ("Connection: Upgrade, close", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    assert _is_bad_request(await door.raw(_request(door, path, *upgrade, key)))
    assert not door.dialled


async def test_an_upgrade_to_anything_else_is_an_ordinary_request(door: Door, path: str) -> None:
    answer = await door.raw(
        _request(door, path, "Connection: Upgrade, close", "Upgrade: h2c", "Content-Length: 4", body=b"body")
    )
    assert answer.startswith(b"HTTP/1.1 200 ") and b"h2c" not in answer


async def test_bytes_that_come_with_the_handshake_are_not_lost(door: Door) -> None:
    async with application(web.get("/ws", _echo)) as port:
        path = await door.add("port-8080", port)
        masked = b"\x81\x85mask" + bytes(byte ^ mask for byte, mask in zip(b"hello", b"maskm", strict=True))
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        head = [
            f"GET {path}/ws HTTP/1.1",
            f"Host: 127.0.0.1:{door.port}",
            f"Authorization: Bearer {TOKEN}",
            *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        writer.write("\r\n".join([*head, "", ""]).encode() + masked)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(12) == b"\x81\nhello None"
        writer.close()


# --- the end of a permission


async def test_losing_the_permission_cuts_downloads_and_websockets(door: Door) -> None:
    async with application(web.get("/ws", _echo), web.get("/events", _endless)) as port:
        path = await door.add("port-8080", port)
        async with websocket(door, f"{path}/ws") as socket, door.http.stream("GET", f"{path}/events") as answer:
            assert answer.status_code == 200
            door.gatekeeper.refused = Forbidden("You do not belong to this virtual cluster any more.")
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in answer.aiter_raw():
                    pass
            assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)


async def test_closing_the_endpoint_cuts_what_is_open(door: Door) -> None:
    async with application(web.get("/events", _endless)) as port:
        path = await door.add("port-8080", port)
        async with door.http.stream("GET", f"{path}/events") as answer:
            assert answer.status_code == 200
            await door.store.endpoints.delete(f"{JOB}.port-8080")
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in answer.aiter_raw():
                    pass


# --- what counts as use


async def test_requests_and_data_are_use_and_pings_and_polling_are_not(door: Door, mirror: int) -> None:
    async with application(web.get("/endpoints/{any:.*}/ws", _echo)) as port:
        path = await door.add("jupyter", port, secret="s3cret")
        await door.http.get(f"{path}/api/kernels")
        assert door.used == []
        async with websocket(door, f"{path}/ws") as socket:
            opened = len(door.used)
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello token s3cret"
            assert len(door.used) > opened
    await door.add("port-8080", mirror)
    before = len(door.used)
    await door.http.get(f"/endpoints/{JOB}/port-8080/api/kernels")
    assert door.used[before:] == [f"{JOB}.port-8080"]


async def test_a_websocket_with_nothing_but_pings_is_no_use(door: Door) -> None:
    async with application(web.get("/ws", _echo)) as port:
        path = await door.add("port-8080", port)
        async with websocket(door, f"{path}/ws", autoping=False) as socket:
            opened = len(door.used)
            await socket.ping(b"still there?")
            assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
            assert len(door.used) == opened
