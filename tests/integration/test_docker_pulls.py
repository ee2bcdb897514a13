"""Pulls at an engine whose registries are hostile or slow: what they say is bounded, and others get through."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from services.executor.backends.docker.engine import Engine, EngineAway, Unpullable
from services.executor.backends.docker.fetching import AT_ONCE, AT_ONCE_PER_VC, Fetching
from services.executor.backends.docker.refusing import refusal
from services.executor.backends.protocol import RunOrder
from shared.contracts.commands.secrets import RegistryLogin
from shared.ids import new_id
from tests.support.engine_double import EngineDouble, engine_double
from tests.support.executor_backend import order_of
from tests.support.waiting import until

IMAGE = "registry.lab/team/train:3"
LOGIN = RegistryLogin(registry="registry.lab", username="robot", password="canary-7f3e")


@pytest.fixture
async def double(tmp_path: Path) -> AsyncIterator[EngineDouble]:
    async with engine_double(tmp_path / "engine.sock") as double:
        yield double


@pytest.fixture
async def engine(double: EngineDouble, tmp_path: Path) -> AsyncIterator[Engine]:
    engine = Engine(f"unix://{tmp_path}/engine.sock")
    await engine.open()
    yield engine
    await engine.close()


def order(login: RegistryLogin | None = None, vc: str = "lab") -> RunOrder:
    return replace(order_of(f"{new_id()}.1", ("true",), Path("/srv"), 1), login=login, vc=vc)


LINES = {
    "endless": b'{"error": "' + b"x" * 200_000 + b'"}\n',
    "no JSON": b"hello\n",
    "a number": b"5\n",
    "no text": b"\xff\xfe\n",
    "too deep": b"[" * 30_000 + b"\n",
}


@pytest.mark.parametrize("said", LINES)
async def test_a_registry_whose_words_nobody_can_read_is_refused_with_what_they_were_like(
    double: EngineDouble, engine: Engine, said: str
) -> None:
    double.says = lambda answer: answer.write(LINES[said])
    with pytest.raises(Unpullable) as refused:
        await Fetching(engine).image(IMAGE, order())
    reason = refusal(IMAGE, refused.value, None).reason
    assert (reason.code, "cannot be read" in reason.message) == ("image_unavailable", True)
    assert len(reason.message) < 1000


async def test_of_what_a_registry_says_there_is_one_line_that_ends(double: EngineDouble, engine: Engine) -> None:
    words = "\x1b[2J\u202eno such\r\n" * 2000
    double.says = lambda answer: answer.write(json.dumps({"error": words}).encode() + b"\n")
    with pytest.raises(Unpullable) as refused:
        await Fetching(engine).image(IMAGE, order())
    reason = refusal(IMAGE, refused.value, None).reason
    assert "no such" in reason.message
    assert reason.message.isprintable() and len(reason.model_dump_json()) < 2000


async def test_registries_that_never_end_leave_the_engine_to_all_other_questions(
    double: EngineDouble, engine: Engine
) -> None:
    double.says = lambda answer: asyncio.Event().wait()
    fetching = Fetching(engine)
    waiting = [
        asyncio.create_task(fetching.image(f"registry.lab/slow:{number}", order(vc=f"vc-{number % 12}")))
        for number in range(AT_ONCE + 60)
    ]
    await until(lambda: double.under_way == AT_ONCE, "as many are pulled as may be")
    assert await engine.image(IMAGE) is None, "the engine is asked all the same"
    assert len(fetching.under_way) == len(waiting), "whoever waits for its turn can be stopped too"
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    assert fetching.under_way == {}
    await until(lambda: double.under_way == 0, "the engine pulls nothing that nobody wants")


async def test_one_virtual_clusters_registries_that_never_end_leave_places_to_all_others(
    double: EngineDouble, engine: Engine
) -> None:
    async def says(answer: web.StreamResponse) -> None:
        if double.pulls[-1] != IMAGE:
            await asyncio.Event().wait()
        double.there.add(IMAGE)

    double.says = says
    fetching = Fetching(engine)
    names = [*(f"registry.lab/slow:{number}" for number in range(AT_ONCE)), IMAGE]
    waiting = [asyncio.create_task(fetching.image(name, order(vc="hostile"))) for name in names]
    await until(lambda: double.under_way == AT_ONCE_PER_VC, "as many are pulled as one may")
    async with asyncio.timeout(60):
        assert (await fetching.image(IMAGE, order())).environment["FROM"] == "image"
    assert double.under_way == AT_ONCE_PER_VC, "also where those others wait for the same image"
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


RETRYING = b'{"status": "Retrying in 1 second", "id": "a"}\n'


async def test_a_pull_that_gets_nowhere_ends_whatever_the_engine_says_of_it_and_the_run_waits(
    double: EngineDouble, engine: Engine
) -> None:
    async def says(answer: web.StreamResponse) -> None:
        await answer.write(b'{"status": "Pulling fs layer", "id": "a"}\n')
        while True:
            await answer.write(RETRYING)
            await asyncio.sleep(0.01)

    double.says = says
    async with asyncio.timeout(60):
        with pytest.raises(Unpullable) as refused:
            await Fetching(engine, stall_s=0.3).image(IMAGE, order())
    told = refusal(IMAGE, refused.value, None)
    assert (told.reason.code, told.busy, told.own) == ("image_unavailable", True, True)
    assert "nothing of it has arrived for 0.3 s" in told.reason.message
    await until(lambda: double.under_way == 0, "the engine pulls it no more")


async def test_a_pull_that_gets_on_may_take_any_time(double: EngineDouble, engine: Engine) -> None:
    async def says(answer: web.StreamResponse) -> None:
        await answer.write(b'{"status": "Pulling fs layer", "id": "a"}\n')
        for number in range(1, 31):
            detail = json.dumps({"status": "Downloading", "id": "a", "progressDetail": {"current": number}})
            await answer.write(detail.encode() + b"\n")
            await asyncio.sleep(0.2)
        double.there.add(IMAGE)

    double.says = says
    assert await Fetching(engine, stall_s=3.0).image(IMAGE, order())


async def test_an_image_is_pulled_once_for_all_runs_that_want_it_and_for_each_of_the_credentials(
    double: EngineDouble, engine: Engine
) -> None:
    go = asyncio.Event()

    async def arrives(answer: web.StreamResponse) -> None:
        await go.wait()
        double.there.add(IMAGE)

    double.says = arrives
    fetching = Fetching(engine)
    waiting = [asyncio.create_task(fetching.image(IMAGE, order(login))) for login in (None, None, None, LOGIN)]
    await until(lambda: len(fetching.under_way) == 4 and double.under_way == 2, "all wait")
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    go.set()
    images = await asyncio.gather(*waiting[1:])
    assert {image.environment["FROM"] for image in images} == {"image"}
    assert (double.pulls, fetching.under_way) == ([IMAGE, IMAGE], {})


async def test_an_engine_that_is_not_there_is_away_and_has_declined_nothing(tmp_path: Path) -> None:
    engine = Engine(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(EngineAway):
        await engine.open()
    await engine.close()
