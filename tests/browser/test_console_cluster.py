"""The cluster page: the picture of nodes and devices, who waits for what, how it was, and what it says of absence."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.axe import grave_violations
from tests.support.console import PHONE, Console, console
from tests.support.console_jobs import CALM, LIGHT
from tests.support.console_looks import sideways
from tests.support.programs import needs

needs("chromium")

AWAY = "The scheduler does not answer now. Try again in a moment."


@pytest.fixture(scope="module")
def yard() -> Iterator[Console]:
    with console(JOBYARD_SCHEDULER_SAMPLE_S="1") as running:
        yield running


@pytest.fixture(scope="module")
def jobs(yard: Console) -> dict[str, str]:
    """Of vera and mia in the VC that both are in, of otto in one that vera is not in, and one that waits."""
    people = yard.people
    v100 = {"device_type": "v100", **LIGHT}
    ids = {
        "mine": people["vera"].submit(CALM, "mine-of-vera", devices=3, **v100),
        "seen": people["mia"].submit(CALM, "seen-of-mia", devices=2, **v100),
        "foreign": people["otto"].submit(CALM, "hidden-of-otto", vc="vision", devices=1, **v100),
    }
    for id in ids.values():
        yard.yard.wait(id, "running")
    return {**ids, "waits": people["mia"].submit(CALM, "waits-of-mia", devices=7, **v100)}


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def test_the_picture_shows_who_holds_each_device_and_names_nobody_one_may_not_know(
    yard: Console, jobs: dict[str, str]
) -> None:
    with yard.visit("vera", "/cluster") as page:
        nodes = section(page, "Nodes and devices")
        expect(nodes.get_by_role("img", name="1 device of a job that you may not see")).to_be_visible()
        expect(nodes.get_by_role("link", name="seen-of-mia of mia, default: 2 devices")).to_be_visible()
        expect(nodes.get_by_role("img", name="2 free")).to_be_visible()
        expect(nodes.get_by_text("simulated").first).to_be_visible()
        expect(page.get_by_text(re.compile("6 of 8 in use"))).to_be_visible()
        assert "hidden-of-otto" not in page.content()
        assert jobs["foreign"] not in page.content()
        assert grave_violations(page) == []
        nodes.get_by_role("link", name="mine-of-vera of vera, default: 3 devices").click()
        expect(page.get_by_role("heading", name="mine-of-vera")).to_be_visible()


def test_the_picture_follows_what_happens(yard: Console, jobs: dict[str, str]) -> None:
    with yard.visit("mia", "/cluster") as page:
        nodes = section(page, "Nodes and devices")
        expect(nodes.get_by_role("link", name=re.compile("seen-of-mia"))).to_be_visible()
        id = yard.people["mia"].submit(CALM, "comes-and-goes", device_type="ascend910", devices=8, **LIGHT)
        expect(nodes.get_by_role("link", name="comes-and-goes of mia, default: 8 devices")).to_be_visible()
        yard.people["mia"].call("POST", f"/jobs/{id}/kill", 202)
        expect(nodes.get_by_role("img", name="8 free")).to_be_visible()


def test_who_waits_for_what_leads_to_these_jobs(yard: Console, jobs: dict[str, str]) -> None:
    with yard.visit("vera", "/cluster") as page:
        queue = section(page, "Who waits for what")
        line = queue.get_by_role("row", name=re.compile("devices are in use v100 default"))
        expect(line).to_be_visible()
        line.get_by_role("link", name="Show 1 job").click()
        expect(page.get_by_role("row", name=re.compile("waits-of-mia"))).to_be_visible()
        assert page.url.endswith("/all?status=queued&device_type=v100&vc=default")


def test_how_it_was_is_drawn_and_told_in_words(yard: Console, jobs: dict[str, str]) -> None:
    with yard.visit("vera", "/cluster") as page:
        history = section(page, "Over time")
        expect(history.get_by_role("img", name=re.compile("Jobs. running: last .*; waiting: last"))).to_be_visible()
        expect(history.get_by_role("img", name=re.compile("Devices. .*v100 in use: last"))).to_be_visible()
        history.get_by_role("button", name="24 h").click()
        history.get_by_label("Whose").select_option("default")
        expect(history.get_by_role("img", name=re.compile("Jobs. running: last"))).to_be_visible()


def test_a_node_that_is_silent_and_a_platform_that_does_not_answer_are_said(yard: Console) -> None:
    away = True

    def answer(route: Route) -> None:
        if away:
            problem = {"type": "urn:x", "title": "Unavailable", "status": 503, "code": "unavailable", "detail": AWAY}
            route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))
            return
        yard_now = route.fetch().json()
        yard_now["nodes"][0]["state"] = "silent"
        yard_now["totals"]["silent_nodes"] = 1
        route.fulfill(json=yard_now)

    with yard.visit("mia", "/jobs", width=PHONE, height=844, faults=("503",)) as page:
        page.route("**/api/v1/cluster", answer)
        page.get_by_role("link", name="Cluster").click()
        expect(page.get_by_role("alert").get_by_text(AWAY)).to_be_visible()
        away = False
        page.get_by_role("button", name="Try again").click()
        expect(section(page, "Nodes and devices").get_by_text("last report")).to_be_visible()
        expect(page.get_by_text("1 silent")).to_be_visible()
        assert sideways(page) == []


def test_a_node_that_is_closed_shows_its_devices_what_is_held_of_them_and_why_it_is_closed(
    yard: Console, jobs: dict[str, str]
) -> None:
    why = {"code": "node_cordoned", "message": "It is cordoned.", "details": {"taints": []}}

    def answer(route: Route) -> None:
        yard_now = route.fetch().json()
        yard_now["nodes"][0]["closed"] = why
        yard_now["totals"]["closed_nodes"] = 1
        route.fulfill(json=yard_now)

    with yard.visit("vera", "/jobs") as page:
        page.route("**/api/v1/cluster", answer)
        page.get_by_role("link", name="Cluster").click()
        nodes = section(page, "Nodes and devices")
        expect(nodes.get_by_text("It is cordoned.")).to_be_visible()
        expect(page.get_by_text("1 closed")).to_be_visible()
        expect(nodes.get_by_role("link", name="seen-of-mia of mia, default: 2 devices")).to_be_visible()
        expect(nodes.get_by_role("img", name="2 on a closed node")).to_be_visible()
        expect(nodes.get_by_role("img", name=re.compile(r"\d free"))).to_have_count(0)
        assert grave_violations(page) == []
