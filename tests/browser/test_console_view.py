"""CONSOLE and METRICS of the job page, as people use them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.console import Console, console
from tests.support.console_jobs import ESCAPES, LIGHT, MARKUP
from tests.support.grafana import GrafanaDouble, grafana_double
from tests.support.people import add
from tests.support.programs import needs

needs("chromium")

REPORTING = """
import json, os, time
with open(os.environ["JOBYARD_METRICS_FILE"], "a") as reports:
    for step in range(4):
        reports.write(json.dumps({"loss": 1 / (step + 1)}) + "\\n")
        reports.flush()
        time.sleep(0.5)
"""


@pytest.fixture(scope="module")
def grafana() -> Iterator[GrafanaDouble]:
    with grafana_double() as double:
        yield double


@pytest.fixture(scope="module")
def yard(grafana: GrafanaDouble) -> Iterator[Console]:
    with console(JOBYARD_GATEWAY_GRAFANA_URL=grafana.url) as running:
        yield running


@dataclass
class Talker:
    """A job that prints what one has it say."""

    id: str
    feed: Path

    @property
    def path(self) -> str:
        return f"/jobs/{self.id}/console"

    def say(self, *lines: str, end: str = "\n") -> None:
        with self.feed.open("a") as feed:
            feed.write("".join(f"{line}{end}" for line in lines))


@pytest.fixture
def talker(yard: Console, tmp_path: Path) -> Iterator[Talker]:
    feed = tmp_path / "feed"
    feed.touch()
    id = yard.people["mia"].submit(["tail", "-n", "+1", "-f", str(feed)], "talker", **LIGHT)
    yard.yard.wait(id, "running")
    yield Talker(id, feed)
    yard.people["mia"].call("POST", f"/jobs/{id}/kill", 202)
    yard.yard.wait(id, "killed")


def output(page: Page) -> Locator:
    return page.get_by_role("region", name="Output of the job")


def line(page: Page, text: str) -> Locator:
    return output(page).get_by_text(text, exact=True)


def ended(yard: Console, command: str | list[str], **fields: object) -> str:
    id = yard.people["mia"].submit(command, "ended", **LIGHT, **fields)
    yard.yard.wait(id, "finished")
    return id


def test_lines_show_as_they_are_printed_and_the_end_stays_in_sight(yard: Console, talker: Talker) -> None:
    with yard.visit("mia", talker.path) as page:
        expect(page.get_by_text("The job runs, and has not printed a line yet.")).to_be_visible()
        talker.say("first")
        expect(line(page, "first")).to_be_in_viewport()
        talker.say(*(f"line {number}" for number in range(300)))
        expect(line(page, "line 299")).to_be_in_viewport()
        expect(page.get_by_text("Live: lines show as they are printed")).to_be_visible()
        expect(page.get_by_text("301 lines")).to_be_visible()


def test_it_stands_still_for_who_scrolls_up_until_one_jumps_to_the_end(yard: Console, talker: Talker) -> None:
    talker.say(*(f"line {number}" for number in range(300)))
    with yard.visit("mia", talker.path) as page:
        expect(line(page, "line 299")).to_be_in_viewport()
        output(page).hover()
        end = output(page).evaluate("box => box.scrollTop")
        page.mouse.wheel(0, -1000)
        page.wait_for_function("([box, top]) => box.scrollTop <= top", arg=[output(page).element_handle(), end - 999])
        jump = page.get_by_role("button", name="Jump to the end")
        expect(jump).to_be_visible()
        top = output(page).evaluate("box => box.scrollTop")
        talker.say(*(f"late {number}" for number in range(2500)))
        expect(jump).to_have_text("Jump to the end: 2,500 new lines")
        assert output(page).evaluate("box => box.scrollTop") == top
        jump.click()
        expect(line(page, "late 2499")).to_be_in_viewport()
        expect(jump).to_have_count(0)
        talker.say("followed again")
        expect(line(page, "followed again")).to_be_in_viewport()


def test_only_the_latest_two_thousand_lines_are_there_and_few_of_them_in_the_page(yard: Console) -> None:
    id = ended(yard, ["seq", "-f", "number %.0f", "5000"])
    with yard.visit("mia", f"/jobs/{id}/console") as page:
        expect(line(page, "number 5000")).to_be_in_viewport()
        expect(page.get_by_text("the latest 2,000 lines; the download has all")).to_be_visible()
        expect(page.get_by_text("The job is over (finished): this is all that it printed last")).to_be_visible()
        assert output(page).locator("[data-key]").count() < 100
        output(page).focus()
        page.keyboard.press("Home")
        expect(line(page, "number 3001")).to_be_in_viewport()


def test_colours_show_and_everything_else_in_the_output_is_inert(yard: Console, talker: Talker) -> None:
    long = "W" * 10_000
    talker.say(MARKUP, ESCAPES, long, "\x1b[38;5;202morange\x1b[0m \x1b[7mreversed\x1b[0m", "last")
    with yard.visit("mia", talker.path) as page:
        expect(line(page, "last")).to_be_in_viewport()
        expect(line(page, MARKUP)).to_be_visible()
        expect(output(page).locator("img, script, b, a")).to_have_count(0)
        expect(output(page).get_by_text(re.compile("^red link$"))).to_be_visible()
        plain, red = (
            line(page, text).evaluate("element => getComputedStyle(element).color") for text in ("last", "red")
        )
        assert plain != red
        assert line(page, "orange").evaluate("element => getComputedStyle(element).color") not in (plain, red)
        expect(output(page).get_by_text("W" * 100)).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_progress_bar_is_one_line_that_shows_its_last_state(yard: Console, talker: Talker) -> None:
    talker.say("\rdone   0 %", "\rdone  50 %", "\rdone 100 %", end="")
    talker.say("", "after it")
    with yard.visit("mia", talker.path) as page:
        expect(line(page, "after it")).to_be_visible()
        expect(output(page).locator("[data-key]")).to_have_text(["done 100 %", "after it"])


def test_a_progress_bar_moves_in_its_row_while_the_job_runs_and_becomes_one_line(yard: Console, talker: Talker) -> None:
    talker.say("first")
    talker.say("\rdone  10 %", end="")
    with yard.visit("mia", talker.path) as page:
        rows, bar = output(page).locator("[data-key]"), output(page).locator("[data-unfinished]")
        expect(rows).to_have_text(["first", "done 10 %"])
        expect(page.get_by_text("1 line", exact=True)).to_be_visible()
        bar.evaluate("row => row.seen = true")
        talker.say("\r\x1b[32mdone\x1b[0m  20 %", end="")
        expect(rows).to_have_text(["first", "done 20 %"])
        assert bar.evaluate("row => row.seen"), "the row was rewritten, not made anew"
        page.get_by_role("textbox", name="Search the lines").fill("20 %")
        expect(bar.locator("mark")).to_have_text("20 %")
        talker.say("\rdone 100 %")
        expect(rows).to_have_text(["first", "done 100 %"])
        expect(bar).to_have_count(0)
        expect(page.get_by_text("2 lines", exact=True)).to_be_visible()


def test_a_progress_bar_moves_nothing_for_who_has_scrolled_up(yard: Console, talker: Talker) -> None:
    talker.say(*(f"line {number}" for number in range(300)))
    talker.say("\rat 1", end="")
    with yard.visit("mia", talker.path) as page:
        expect(line(page, "at 1")).to_be_in_viewport()
        output(page).hover()
        page.mouse.wheel(0, -40)
        expect(page.get_by_role("button", name="Jump to the end")).to_be_visible()
        top = output(page).evaluate("box => box.scrollTop")
        talker.say("\rat 2", end="")
        expect(line(page, "at 2")).to_have_count(1)
        assert output(page).evaluate("box => box.scrollTop") == top
        expect(page.get_by_role("button", name="Jump to the end")).to_have_text("Jump to the end")


def test_a_line_that_never_ends_is_a_line_when_its_run_is_over(yard: Console) -> None:
    id = yard.people["mia"].submit("printf 'no line feed'; exec sleep 600", "endless", **LIGHT)
    with yard.visit("mia", f"/jobs/{id}/console") as page:
        expect(output(page).locator("[data-unfinished]")).to_have_text("no line feed")
        yard.people["mia"].call("POST", f"/jobs/{id}/kill", 202)
        expect(page.get_by_text("The job is over (killed): this is all that it printed last")).to_be_visible()
        expect(output(page).locator("[data-key]")).to_have_text(["no line feed"])
        expect(output(page).locator("[data-unfinished]")).to_have_count(0)


def test_a_search_counts_what_it_finds_and_goes_from_one_to_the_next(yard: Console) -> None:
    id = ended(yard, "seq -f 'step %.0f' 900; echo Needle one; seq 50; echo a needle, two; seq 50")
    with yard.visit("mia", f"/jobs/{id}/console") as page:
        expect(line(page, "50").last).to_be_in_viewport()
        output(page).focus()
        page.keyboard.press("Control+f")
        page.keyboard.type("needle")
        count = page.get_by_role("search", name="Search the lines").get_by_role("status")
        expect(count).to_have_text("2 of 2")
        expect(output(page).locator("mark.current")).to_have_text("needle")
        page.keyboard.press("Enter")
        expect(count).to_have_text("1 of 2")
        expect(output(page).locator("mark.current")).to_have_text("Needle")
        expect(line(page, "step 900")).to_be_in_viewport()
        page.get_by_role("button", name="Previous match").click()
        expect(count).to_have_text("2 of 2")
        page.get_by_label("Search the lines").last.fill("no such words")
        expect(count).to_have_text("no match")


def test_columns_and_one_of_the_streams_are_shown_on_demand(yard: Console) -> None:
    id = ended(yard, "echo to stdout; echo to stderr >&2")
    with yard.visit("mia", f"/jobs/{id}/console") as page:
        page.get_by_role("button", name="Columns and wrapping").click()
        for name in ("Time", "Rank", "Stream", "Attempt"):
            page.get_by_role("menuitemcheckbox", name=name).click()
        page.keyboard.press("Escape")
        row = output(page).locator("[data-key]", has_text="to stderr")
        expect(row).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}0stderr1to stderr$"))
        page.get_by_role("button", name="All streams").click()
        page.get_by_role("menuitemradio", name="stderr").click()
        expect(output(page).locator("[data-key]")).to_have_count(1)
        expect(page.get_by_text("1 line of this rank and stream")).to_be_visible()
        page.reload()
        expect(output(page).locator("[data-key]")).to_have_count(2)
        expect(output(page).get_by_text("stderr", exact=True)).to_be_visible()


def test_lines_are_copied_as_they_are_shown_and_downloaded_as_they_were_printed(yard: Console) -> None:
    id = ended(yard, "printf '\\033[31mred\\033[0m\\n'; seq 500")
    whole = "\n".join(["red", *map(str, range(1, 501))])
    with yard.visit("mia", f"/jobs/{id}/console") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        expect(line(page, "500")).to_be_in_viewport()
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == whole
        output(page).focus()
        page.keyboard.press("Control+a")
        page.evaluate("navigator.clipboard.writeText('')")
        page.keyboard.press("Control+c")
        page.wait_for_function("whole => navigator.clipboard.readText().then(text => text === whole)", arg=whole)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the whole output").click()
        assert download.value.path().read_text().startswith("\x1b[31mred\x1b[0m\n1\n")


def test_a_lost_connection_heals_without_a_missing_or_a_doubled_line(yard: Console, talker: Talker) -> None:
    lost = ("ERR_", "502", "503")
    with yard.visit("mia", talker.path, faults=lost) as page:
        talker.say(*(f"before {number}" for number in range(20)))
        expect(line(page, "before 19")).to_be_visible()
        yard.yard.kill_part("gateway")
        talker.say(*(f"after {number}" for number in range(5)))
        expect(line(page, "after 4")).to_be_visible()
        texts = output(page).locator("[data-key]").all_inner_texts()
        assert texts == [*(f"before {number}" for number in range(20)), *(f"after {number}" for number in range(5))]


def test_a_tab_that_nobody_looks_at_lets_its_stream_go_and_misses_nothing(yard: Console, talker: Talker) -> None:
    look_away = "away => { Object.defineProperty(document, 'hidden', { value: away, configurable: true }) }"
    talker.say("before")
    with yard.visit("mia", talker.path) as page:
        expect(line(page, "before")).to_be_visible()
        page.clock.install()
        page.evaluate(look_away, True)
        with page.expect_event("requestfailed", lambda request: "/logs/follow" in request.url):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            page.clock.fast_forward(31_000)
        talker.say("meanwhile", "and then")
        page.evaluate(look_away, False)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(line(page, "and then")).to_be_visible()
        expect(output(page).locator("[data-key]")).to_have_text(["before", "meanwhile", "and then"])


def test_eight_charts_stand_in_the_manuals_order_and_those_without_data_say_why(yard: Console) -> None:
    id = ended(yard, ["python3", "-c", REPORTING], device_type="v100", devices=1)
    with yard.visit("mia", f"/jobs/{id}/metrics") as page:
        charts = page.locator("section").filter(has=page.locator("h3"))
        expect(charts.locator("h3").first).to_be_visible()
        assert charts.locator("h3").all_inner_texts()[:8] == [
            *("CPU", "Memory Usage", "Network", "Block IO"),
            *("GPU Usage", "GPU Memory Usage", "NPU Utilization", "NPU Memory"),
        ]
        memory = page.get_by_role("region", name="Memory Usage")
        in_words = re.compile(r"^Memory Usage\. last .* (MiB|KiB), mean .*, peak ")
        expect(memory.get_by_role("img", name=in_words)).to_be_visible()
        gpu = page.get_by_role("region", name="GPU Usage")
        expect(gpu).to_contain_text("Its devices (v100) are simulated, and report nothing.")
        npu = page.get_by_role("region", name="NPU Memory")
        expect(npu).to_contain_text("This job has none: its devices are v100.")
        expect(page.get_by_text("from the platform: the last hour of each job")).to_be_visible()


def test_what_the_job_reports_is_a_chart_and_a_table_and_its_sums_stand_on_top(yard: Console) -> None:
    id = ended(yard, ["python3", "-c", REPORTING])
    with yard.visit("mia", f"/jobs/{id}/metrics") as page:
        loss = page.get_by_role("region", name="loss", exact=True)
        expect(loss.get_by_role("img", name=re.compile("last 0.25"))).to_be_visible()
        loss.get_by_text("As a table").click()
        expect(loss.get_by_role("cell", name="0.25").last).to_be_visible()
        expect(page.get_by_role("definition").first).to_be_visible()
        expect(page.get_by_text("CPU, mean")).to_be_visible()


def test_a_live_chart_stays_under_the_pointer_while_news_come(yard: Console) -> None:
    id = yard.people["mia"].submit(["sleep", "600"], "sleeper", **LIGHT)
    yard.yard.wait(id, "running")
    with yard.visit("mia", f"/jobs/{id}/metrics") as page:
        chart = page.get_by_role("region", name="Memory Usage").get_by_role("img")
        drawn = chart.locator("canvas")
        expect(drawn).to_be_visible()
        drawn.evaluate("canvas => canvas.dataset.marked = 'yes'")
        address = re.compile(r"/metrics\?")
        for _ in range(2):
            with page.expect_response(lambda response: address.search(response.url) is not None):
                pass
        expect(chart.locator("canvas[data-marked=yes]")).to_be_visible()
        expect(chart.locator("canvas")).to_have_count(1)
    yard.people["mia"].call("POST", f"/jobs/{id}/kill", 202)


def test_the_time_that_charts_show_stands_in_the_address(yard: Console) -> None:
    id = ended(yard, "true")
    with yard.visit("mia", f"/jobs/{id}/metrics") as page:
        expect(page.get_by_role("button", name="Whole run")).to_have_attribute("aria-pressed", "true")
        page.get_by_role("button", name="6 h").click()
        expect(page).to_have_url(re.compile(r"\?range=6h$"))
        page.get_by_role("button", name="Custom").click()
        spans = [page.get_by_label(edge, exact=True).input_value() for edge in ("From", "To")]
        begins, ends = map(datetime.fromisoformat, spans)
        assert ends - begins in (
            timedelta(hours=6),
            timedelta(hours=6, minutes=1),
        )  # the job was short
        page.get_by_label("From", exact=True).fill("2026-01-02T03:04")
        page.get_by_label("To", exact=True).fill("2026-01-02T03:04")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.get_by_text("The end must be after the beginning.")).to_be_visible()
        page.get_by_label("To", exact=True).fill("2026-01-02T05:04")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page).to_have_url(re.compile(r"\?range=\d+-\d+$"))
        expect(page.get_by_role("region", name="CPU")).to_contain_text("Nothing")


def test_a_job_that_waits_says_in_chinese_that_nothing_is_there_yet(yard: Console) -> None:
    id = yard.people["mia"].submit("true", "waits", device_type="none-such", devices=1, **LIGHT)
    with yard.visit("mia", f"/jobs/{id}/metrics", language="zh") as page:
        expect(page.get_by_text("作业开始运行后，这里会显示图表。")).to_be_visible()
        page.get_by_role("link", name="CONSOLE").click()
        expect(page.get_by_text("作业开始运行后，输出会立即显示在这里。")).to_be_visible()
        expect(page.locator("footer")).to_contain_text("作业开始运行后显示输出")
        expect(page.locator("footer")).not_to_contain_text("实时")


def test_who_may_not_read_them_is_told_so_in_words(yard: Console) -> None:
    yard.people["admin"].call("POST", "/vcs", 201, json={"name": "closed", "open": False})
    ria, zoe = (add(yard.yard, name, {"closed": "member"}) for name in ("ria", "zoe"))
    id = ria.submit("true", "hers", vc="closed", **LIGHT)
    yard.yard.wait(id, "finished")
    with yard.visit(zoe.name, f"/jobs/{id}/console", faults=("403",)) as page:
        refusal = page.locator("main").get_by_role("alert")
        expect(refusal).to_contain_text("Only ria or an administrator may read its console.")
        page.get_by_role("link", name="METRICS").click()
        expect(refusal).to_contain_text("Only ria or an administrator may read its metrics.")


def test_grafana_shows_the_jobs_dashboard_in_the_page_with_its_time_and_theme(
    yard: Console, grafana: GrafanaDouble
) -> None:
    id = ended(yard, "true")
    with yard.visit("mia", f"/jobs/{id}/metrics", theme="dark") as page:
        page.get_by_role("switch", name="Show in Grafana").click()
        frame = page.locator("iframe[title='The job’s dashboard in Grafana']")
        expect(frame).to_be_visible()
        expect(page.get_by_role("region", name="CPU")).to_have_count(0)
        expect(frame).to_have_attribute("src", re.compile(rf"^/grafana/d/jobyard-job\?var-job_id={id}&from=\d+&to=\d+"))
        title = page.frame_locator("iframe").locator("title")
        expect(title).to_be_attached()
        assert title.text_content() == "Jobyard: one job"
        asked = next(asked for asked in grafana.asked if asked.path == "/grafana/d/jobyard-job")
        assert "theme=dark" in asked.query
        assert asked.headers["x-webauth-user"] == "mia"
        page.get_by_role("switch", name="Show in Grafana").click()
        expect(page.get_by_role("region", name="CPU")).to_be_visible()
