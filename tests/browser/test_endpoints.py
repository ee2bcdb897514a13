"""What people see of a job's endpoints in a browser that has nothing but a ticket."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import page
from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.programs import needs
from tests.support.waiting import wait_until

needs("chromium")

SLOW_S = 180.0
TRAIN_AND_STAY = "python3 train.py --epochs 3 && sleep 600"


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(JOBYARD_PATH_ROOTS=str(CHECKOUT)) as running:
        yield running


def endpoint(yard: Platform, id: str, name: str) -> dict[str, Any]:
    items = yard.call("GET", f"/jobs/{id}/endpoints", 200)["items"]
    return next(item for item in items if item["name"] == name)


def ready(yard: Platform, id: str, name: str) -> None:
    """Wait for the program."""
    wait_until(lambda: endpoint(yard, id, name)["status"] in ("ready", "failed"), f"{name} is ready", SLOW_S)
    assert endpoint(yard, id, name)["status"] == "ready", endpoint(yard, id, name)


def ticket(yard: Platform, id: str, name: str) -> str:
    """An address that a browser may open once."""
    return str(yard.call("POST", f"/jobs/{id}/endpoints/{name}/ticket", 200)["url"])


async def test_jupyterlab_runs_a_cell_in_the_job(yard: Platform) -> None:
    id = yard.submit("sleep 600", endpoints=["jupyter"], cpus=0.01)
    ready(yard, id, "jupyter")
    async with page() as shown:
        await shown.goto(ticket(yard, id, "jupyter"))
        assert "ticket" not in shown.url
        await shown.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
        await shown.get_by_text("| Idle").wait_for()  # the kernel has answered through its websocket
        await shown.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
        await shown.keyboard.type("import os; print('job', os.environ['JOBYARD_JOB_ID'], 6 * 7)")
        await shown.keyboard.press("Shift+Enter")
        await shown.locator(".jp-OutputArea-output", has_text=f"job {id} 42").wait_for()
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id, "killed")


async def test_tensorboard_shows_the_scalars_of_the_digits_job(yard: Platform) -> None:
    work_path = str(CHECKOUT / "examples" / "digits")
    id = yard.submit(TRAIN_AND_STAY, endpoints=["tensorboard"], work_path=work_path, cpus=0.01)
    ready(yard, id, "tensorboard")
    tags = f"{yard.door_url}/endpoints/{id}/tensorboard/data/plugin/scalars/tags"
    wait_until(lambda: '"accuracy"' in yard.http.get(tags, headers=yard.headers()).text, "it has read all", SLOW_S)
    async with page() as shown:
        await shown.goto(f"{ticket(yard, id, 'tensorboard')}#scalars")
        for tag in ("loss", "accuracy"):
            await shown.get_by_text(tag, exact=True).first.wait_for()
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id, "killed")
