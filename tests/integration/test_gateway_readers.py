"""Readers of the gateway who take nothing, too much, or what is not theirs any more, on its real server."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx

from services.gateway.audited import BY_ITSELF
from tests.support.waiting import until
from tests.support.wire import rest_of, wire

END = b"0\r\n\r\n"


async def test_downloads_that_take_nothing_are_cut_and_others_are_served(tmp_path: Path) -> None:
    async with wire(tmp_path, stalled_s=0.5, max_requests=2, drain_s=0) as yard:
        path = yard.endless()
        with ExitStack() as stack:
            stuck = [stack.enter_context(yard.connected(yard.head(path, "admin"))) for _ in range(2)]
            await until(lambda: yard.running == 2, "they are under way")
            headers = yard.inside.token()
            await until(lambda: yard.running == 0, "they are cut")
            assert (await yard.http.get("/api/v1/me", headers=headers)).status_code == 200
            for each in stuck:
                received = await rest_of(each)
                assert received.startswith(b"HTTP/1.1 200")
                assert not received.endswith(END)


async def test_a_stuck_download_ends_when_its_user_is_disabled(tmp_path: Path) -> None:
    async with wire(tmp_path, stalled_s=3600, drain_s=0) as yard:
        await yard.inside.add_account("ada")
        with yard.connected(yard.head(yard.endless("ada"), "ada")) as stuck:
            await until(lambda: yard.running == 1, "it is under way")
            await yard.inside.accounts.update("ada", BY_ITSELF, {"disabled": True})
            yard.inside.clock.advance(2)
            await until(lambda: yard.running == 0, "it is cut")
            assert not (await rest_of(stuck)).endswith(END)


async def test_one_user_s_streams_leave_room_for_those_of_others(tmp_path: Path) -> None:
    async with wire(tmp_path, max_streams=4, max_streams_per_user=2, drain_s=0) as yard:
        await yard.inside.add_account("ada")
        path = yard.endless()
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(yard.connected(yard.head(path, "admin")))
            await until(lambda: yard.inside.parts.streams.running == 2, "both are open")
            refused = await yard.http.get(path, headers=yard.inside.token())
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
            assert "retry-after" in refused.headers
            async with yard.http.stream("GET", path, headers=yard.inside.token("ada")) as other:
                assert other.status_code == 200
        await until(lambda: yard.inside.parts.streams.running == 0, "what was closed counts no more")
        async with yard.http.stream("GET", path, headers=yard.inside.token()) as again:
            assert again.status_code == 200


async def test_sign_ins_that_hang_leave_room_for_those_with_a_token_and_for_other_addresses(tmp_path: Path) -> None:
    async with wire(tmp_path, max_requests=8, public_body_timeout_s=3600, drain_s=0) as yard:
        head = yard.head("/api/v1/auth/token", method="POST", Content_Type="application/json", Content_Length="9")
        wrong = {"username": "nobody", "password": "wrong"}

        async def sign_in(local: str) -> int:
            transport = httpx.AsyncHTTPTransport(local_address=local)
            async with httpx.AsyncClient(base_url=yard.http.base_url, transport=transport) as http:
                return (await http.post("/api/v1/auth/token", json=wrong)).status_code

        with ExitStack() as stack:
            for hanging, local in ((2, "127.0.0.1"), (4, "127.0.0.2")):
                assert await sign_in(local) == 401
                for _ in range(2):
                    stack.enter_context(yard.connected(head, local))
                await until(partial(yard.is_running, hanging), "they hang")
                assert await sign_in(local) == 429
            assert await sign_in("127.0.0.3") == 503
            assert (await yard.http.get("/api/v1/me", headers=yard.inside.token())).status_code == 200
            assert (await yard.http.get("/healthz")).status_code == 200
            assert (await yard.http.get("/metrics")).status_code == 200
