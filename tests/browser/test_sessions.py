"""A real browser signed in by its cookie: what runs in a page of the console, and what another port's page can't do."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import Page

from tests.support.browser import page
from tests.support.programs import needs
from tests.support.waiting import until
from tests.support.wire import Wire, wire

needs("chromium")

INDEX = """<!doctype html><title>Jobyard</title><h1>The console</h1>
<script>window.inline = 1</script>
<img src="/favicon.ico" onerror="window.inline = 1">
<script type="module" src="/assets/app-1.js"></script>
"""
APP = """window.own = 1;
try { eval("window.evaluated = 1") } catch { window.refused = 1 }
"""
CALL = """async ([method, path, body]) => {
    const headers = body ? {"Content-Type": "application/json"} : {};
    const answer = await fetch(path, {method, headers, body: body ? JSON.stringify(body) : undefined});
    return [answer.status, await answer.text()];
}"""
REACH = """async ([url, options]) => {
    try { return (await fetch(url, {credentials: "include", ...options})).type } catch { return "refused" }
}"""
SOCKET = """url => new Promise(done => {
    const socket = new WebSocket(url);
    socket.onopen = () => done("open");
    socket.onerror = () => done("refused");
})"""
FRAME = """url => new Promise(done => {
    const frame = document.createElement("iframe");
    frame.onload = () => done();
    frame.src = url;
    document.body.append(frame);
})"""


@asynccontextmanager
async def console(folder: Path) -> AsyncGenerator[tuple[Wire, Page], None]:
    """A gateway, and a browser at its first page."""
    dist = folder / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text(INDEX)
    (dist / "assets" / "app-1.js").write_text(APP)
    async with wire(folder, console=dist) as yard, page() as shown:
        await shown.goto(f"http://127.0.0.1:{yard.port}/jobs")
        yield yard, shown


async def call(shown: Page, method: str, path: str, body: dict[str, str] | None = None) -> tuple[int, str]:
    """What the page is answered, by its own fetch."""
    status, text = await shown.evaluate(CALL, [method, f"/api/v1{path}", body])
    return int(status), str(text)


async def sign_in(yard: Wire, shown: Page) -> None:
    password = (yard.inside.data / "admin-password").read_text()
    status, _ = await call(shown, "POST", "/auth/session", {"username": "admin", "password": password})
    assert status == 200


async def test_a_page_runs_its_own_scripts_and_no_other(tmp_path: Path) -> None:
    async with console(tmp_path) as (_, shown):
        await shown.wait_for_function("window.own && window.refused")
        assert await shown.evaluate("[window.inline, window.evaluated]") == [None, None]


async def test_a_browser_signs_in_acts_and_signs_out_and_no_script_sees_what_it_is_signed_in_by(tmp_path: Path) -> None:
    async with console(tmp_path) as (yard, shown):
        assert (await call(shown, "GET", "/me"))[0] == 401
        await sign_in(yard, shown)
        assert await shown.evaluate("document.cookie") == ""
        (cookie,) = await shown.context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("jobyard_session", True, "Strict")
        status, me = await call(shown, "GET", "/me")
        assert (status, '"admin"' in me, cookie["value"] in me) == (200, True, False)
        assert (await call(shown, "POST", "/vcs", {"name": "lab"}))[0] == 201
        await shown.reload()
        assert (await call(shown, "GET", "/me"))[0] == 200
        assert (await call(shown, "DELETE", "/auth/session"))[0] == 204
        assert await shown.context.cookies() == []
        assert (await call(shown, "GET", "/me"))[0] == 401


async def test_a_page_at_another_port_neither_reads_posts_frames_nor_opens_a_websocket(tmp_path: Path) -> None:
    async def hostile(request: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>a job</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", hostile)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with console(tmp_path) as (yard, shown):
            await sign_in(yard, shown)
            api = f"http://127.0.0.1:{yard.port}/api/v1"
            await shown.goto(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            for options in ({}, {"mode": "no-cors"}):
                assert await shown.evaluate(REACH, [f"{api}/me", options]) == "refused"
            lab = '{"name": "lab"}'
            posted = {"method": "POST", "mode": "no-cors", "body": lab, "headers": {"Content-Type": "text/plain"}}
            assert await shown.evaluate(REACH, [f"{api}/vcs", posted]) == "refused"
            assert await shown.evaluate(REACH, [f"{api}/auth/session", {"method": "DELETE"}]) == "refused"
            assert await shown.evaluate(SOCKET, f"{api.replace('http', 'ws')}/events") == "refused"
            await shown.evaluate(FRAME, f"http://127.0.0.1:{yard.port}/")
            refused = ["chrome-error://chromewebdata/"]
            await until(lambda: [frame.url for frame in shown.frames[1:]] == refused, "the frame shows nothing")
            vcs = await yard.http.get("/api/v1/vcs", headers=yard.inside.token())
            assert [vc["name"] for vc in vcs.json()["items"]] == ["default"]
            await shown.goto(f"http://127.0.0.1:{yard.port}/")
            assert (await call(shown, "GET", "/me"))[0] == 200
    finally:
        await runner.cleanup()
