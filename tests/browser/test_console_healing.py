"""What a page does when the platform is away for a moment, and how few connections many pages need."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.console import Console, console
from tests.support.programs import needs
from tests.support.waiting import wait_until

needs("chromium")

AWAY = "No connection to the platform"
LIVE = "Live: changes show as they happen"
BROKEN = ("net::ERR_", "status of 503", "status of 502")
"""What Chromium notes of requests while nobody listens, or while the gateway begins."""

REMEMBER = """
words => {
    window.witness = []
    const look = () => document.body.innerText.includes(words) && window.witness.push(words)
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true})
}
"""


@pytest.fixture(scope="module")
def yard() -> Iterator[Console]:
    with console() as running:
        yield running


def streams(yard: Console) -> int:
    """Streams of events and lines that the gateway has open."""
    said = httpx.get(f"http://{yard.yard.metrics['gateway']}/metrics", trust_env=False).text
    found = re.search(r"^jobyard_http_streams(?:\{.*\})? (\S+)$", said, re.MULTILINE)
    assert found is not None, said
    return int(float(found[1]))


def expect_live(page: Page) -> None:
    expect(page.get_by_text(LIVE)).to_be_attached()


def test_a_page_says_that_the_gateway_is_away_and_goes_on_by_itself_when_it_is_back(yard: Console) -> None:
    mia = yard.people["mia"]
    mia.submit("true", "before", cpus=0.01)
    with yard.visit("mia", "/jobs", faults=BROKEN) as page:
        expect(page.get_by_role("row", name="before")).to_be_visible()
        expect_live(page)
        page.evaluate(REMEMBER, AWAY)
        yard.yard.kill_part("gateway")
        page.wait_for_function("window.witness.length > 0")  # it was said; and the page was not loaded anew
        wait_until(yard.yard.is_ready, "the gateway is back")
        expect_live(page)
        expect(page.get_by_text(AWAY)).to_have_count(0)
        assert page.evaluate("window.witness.length") > 0, "it is still the same page"
        mia.submit("true", "after", cpus=0.01)
        expect(page.get_by_role("row", name="after")).to_be_visible()


def test_tabs_of_one_browser_share_one_stream_of_events(yard: Console) -> None:
    wait_until(lambda: streams(yard) == 0, "nobody looks")
    with yard.visit("mia", "/jobs") as page:
        expect_live(page)
        other = page.context.new_page()
        other.goto(f"{yard.yard.url}/all")
        expect_live(other)
        id = yard.people["mia"].submit("true", "seen-twice", device_type="none-such", devices=1)
        for tab in (page, other):
            expect(tab.get_by_role("row", name="seen-twice")).to_be_visible()
        assert streams(yard) == 1
        page.close()
        yard.people["mia"].call("POST", f"/jobs/{id}/kill", 202)
        expect(other.get_by_role("row", name="seen-twice")).to_have_count(0)  # it waits no longer
        other.close()
    wait_until(lambda: streams(yard) == 0, "the stream ended with the last tab")


def test_a_page_whose_bundle_could_not_be_fetched_is_loaded_as_soon_as_the_platform_answers(yard: Console) -> None:
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if refused:
            route.fallback()
        else:
            refused.append(route.request.url)
            route.abort("connectionfailed")

    with yard.visit("mia", "/jobs", faults=("net::ERR_",)) as page:
        expect_live(page)
        page.route(re.compile(r"/assets/ClusterPage.*\.js$"), refuse_once)
        page.get_by_role("link", name="Cluster").click()
        expect(page.get_by_role("heading", name="Nodes")).to_be_visible()
        expect(page).to_have_url(f"{yard.yard.url}/cluster")
        assert len(refused) == 1


def test_a_bundle_that_is_gone_for_good_is_told_and_the_page_one_is_on_stays(yard: Console) -> None:
    with yard.visit("mia", "/jobs", faults=("net::ERR_",)) as page:
        expect_live(page)
        page.route(re.compile(r"/assets/ClusterPage.*\.js$"), lambda route: route.abort())
        page.get_by_role("link", name="Cluster").click()
        expect(page.get_by_text("The page could not be loaded")).to_be_visible()
        page.get_by_role("link", name="MY JOBS").click()
        expect(page).to_have_url(f"{yard.yard.url}/jobs")
