"""MY JOBS and ALL JOBS in the browser, as people use them: live, sorted, filtered, edited and acted on."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.console import PHONE, Console, console
from tests.support.console_jobs import CALM, LIGHT
from tests.support.people import add
from tests.support.programs import needs

needs("chromium")

COLUMNS = ["Id", "Name", "Status", "Number of Device", "Preemptible", "Priority", "Submitted", "Started", "Finished"]
WAITS = {"device_type": "none-such", "devices": 1}
"""Nothing here runs that asks for this, so it stays queued."""
MANY = 60


@pytest.fixture(scope="module")
def yard() -> Iterator[Console]:
    with console() as running:
        yield running


def submit(yard: Console, name: str, command: str = "true", person: str = "mia", **fields: object) -> str:
    return yard.people[person].submit(command, name, **{**WAITS, **LIGHT, **fields})


def running(yard: Console, name: str, **fields: object) -> str:
    """A job that runs until it is told to stop, and has set its trap for that."""
    id = yard.people["mia"].submit(CALM, name, **LIGHT, **fields)
    yard.yard.wait(id, "running")
    return id


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("gridcell", name=name, exact=True))


def names(page: Page) -> list[str]:
    return page.locator("tbody td.name").all_inner_texts()


def test_the_columns_stand_in_the_order_of_the_manual_and_all_jobs_adds_user(yard: Console) -> None:
    submit(yard, "columns")
    with yard.visit("mia", "/jobs?q=columns") as page:
        expect(page.get_by_role("columnheader")).to_have_text(["", *COLUMNS, "Actions"])
        page.get_by_role("link", name="ALL JOBS").click()
        expect(page.get_by_role("columnheader")).to_have_text(["", *COLUMNS[:2], "User", *COLUMNS[2:], "Actions"])


def test_a_job_that_waits_says_for_what_and_its_place_in_line(yard: Console) -> None:
    holder = running(yard, "holder", device_type="v100", devices=6)
    submit(yard, "waiter", device_type="v100", devices=4)
    with yard.visit("mia", "/jobs?q=waiter") as page:
        status = row(page, "waiter").locator("td.status")
        expect(status).to_contain_text("queued")
        expect(status).to_contain_text("waits for 4 v100 · #")
        yard.people["mia"].call("POST", f"/jobs/{holder}/kill", 202)
        expect(status).to_contain_text("finished")


def test_rows_change_as_it_happens_without_a_reload(yard: Console) -> None:
    with yard.visit("mia", "/jobs?q=live") as page:
        expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
        id = submit(yard, "live")
        expect(row(page, "live")).to_contain_text("queued")
        yard.people["mia"].call("PATCH", f"/jobs/{id}", 200, json={"priority": 321})
        expect(row(page, "live").locator("td.priority")).to_have_text("321")
        yard.people["mia"].call("POST", f"/jobs/{id}/kill", 202)
        expect(row(page, "live")).to_contain_text("killed")


def test_search_filter_and_order_stand_in_the_address_and_the_back_button_works(yard: Console) -> None:
    submit(yard, "view-a", priority=10)
    submit(yard, "view-b", priority=20, preemptible=True)
    with yard.visit("mia", "/jobs") as page:
        expect(row(page, "view-b")).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("view-")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{yard.yard.url}/jobs?q=view-")
        expect(page.locator("tbody td.name")).to_have_text(["view-b", "view-a"])
        header = page.get_by_role("columnheader", name="Priority")
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", "descending")
        header.get_by_role("button").click()
        expect(page.locator("tbody td.name")).to_have_text(["view-a", "view-b"])
        page.get_by_role("button", name="Filter", exact=True).click()
        page.get_by_label("Preemptible").select_option("yes")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("tbody td.name")).to_have_text(["view-b"])
        expect(page).to_have_url(f"{yard.yard.url}/jobs?q=view-&preemptible=true&sort=priority")
        page.go_back()
        expect(page.locator("tbody td.name")).to_have_text(["view-a", "view-b"])
        page.reload()
        expect(page.locator("tbody td.name")).to_have_text(["view-a", "view-b"])
        page.get_by_role("button", name="Remove the filter Search: view-").click()
        expect(page).to_have_url(f"{yard.yard.url}/jobs?sort=priority")


def test_a_filter_that_makes_no_sense_is_refused_in_words_and_can_be_taken_back(yard: Console) -> None:
    submit(yard, "sensible")
    with yard.visit("mia", "/jobs?label=nonsense", faults=("422",)) as page:
        expect(page.get_by_role("alert")).to_contain_text("must be key=value")
        page.get_by_role("button", name="Remove the filter Labels: nonsense").click()
        expect(row(page, "sensible")).to_be_visible()
    with yard.visit("mia", "/jobs?q=two%20words") as page:
        expect(page.get_by_text("No job can be called that")).to_be_visible()


def test_next_and_previous_lead_through_all_jobs_and_back(yard: Console) -> None:
    jobs = [{"name": f"page-{place:02}", "command": "true", **WAITS, **LIGHT} for place in range(MANY)]
    yard.people["vera"].call("POST", "/jobs:submit-batch", 207, json={"jobs": jobs})
    with yard.visit("vera", "/jobs?q=page-&sort=name") as page:
        expect(page.get_by_text(f"50 of {MANY} jobs")).to_be_visible()
        first = names(page)
        expect(page.get_by_role("button", name="Previous")).to_be_disabled()
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_text(f"10 of {MANY} jobs")).to_be_visible()
        assert [*first, *names(page)] == [job["name"] for job in jobs]
        page.get_by_role("button", name="Previous").click()
        expect(page.locator("tbody td.name")).to_have_text(first)


def test_the_priority_is_edited_where_it_stands(yard: Console) -> None:
    id = submit(yard, "edited", priority=100)
    with yard.visit("mia", "/jobs?q=edited") as page:
        row(page, "edited").get_by_role("button", name="Priority of edited: 100. Change it").click()
        field = page.get_by_role("textbox", name="Priority of edited")
        field.fill("5")
        field.press("Escape")
        expect(row(page, "edited").locator("td.priority")).to_have_text("100")
        page.keyboard.press("Enter")
        field.fill("1001")
        field.press("Enter")
        expect(page.get_by_text("Enter a whole number from 1 to 1000.")).to_be_visible()
        field.fill("250")
        field.press("Enter")
        expect(row(page, "edited").locator("td.priority")).to_have_text("250")
        assert yard.people["mia"].call("GET", f"/jobs/{id}", 200)["priority"] == 250


def test_an_open_editor_outlives_changes_of_its_job(yard: Console) -> None:
    id = submit(yard, "editing")
    with yard.visit("mia", "/jobs?q=editing") as page:
        row(page, "editing").get_by_role("button", name="Change it").click()
        page.get_by_role("textbox").and_(page.get_by_label("Priority of editing")).fill("77")
        submit(yard, "editing-2")
        expect(page.get_by_role("button", name="1 change")).to_be_visible()
        yard.people["mia"].call("PATCH", f"/jobs/{id}", 200, json={"priority": 400})
        field = page.get_by_label("Priority of editing", exact=True)
        expect(field).to_have_value("77")
        field.press("Enter")
        expect(row(page, "editing").locator("td.priority")).to_have_text("77")


def test_no_row_moves_under_a_selection_and_a_pill_counts_what_is_held_back(yard: Console) -> None:
    submit(yard, "still-1")
    submit(yard, "still-2")
    with yard.visit("mia", "/jobs?q=still-") as page:
        page.get_by_role("checkbox", name="Select still-1").check()
        submit(yard, "still-3")
        submit(yard, "still-4")
        pill = page.get_by_role("button", name="2 changes")
        expect(pill).to_be_visible()
        assert names(page) == ["still-2", "still-1"]
        pill.click()
        expect(page.locator("tbody td.name")).to_have_text(["still-4", "still-3", "still-2", "still-1"])
        expect(page.get_by_role("checkbox", name="Select still-1")).to_be_checked()


def test_no_row_moves_under_the_pointer(yard: Console) -> None:
    submit(yard, "under-1")
    with yard.visit("mia", "/jobs?q=under-") as page:
        row(page, "under-1").locator("td.name").hover()
        submit(yard, "under-2")
        expect(page.get_by_role("button", name="1 change")).to_be_visible()
        assert names(page) == ["under-1"]
        page.get_by_role("link", name="ALL JOBS").hover()
        expect(page.locator("tbody td.name")).to_have_text(["under-2", "under-1"])


def test_several_jobs_act_together_and_one_summary_says_what_was_done_and_what_refused(yard: Console) -> None:
    submit(yard, "bulk-1")
    submit(yard, "bulk-2")
    over = submit(yard, "bulk-over")
    yard.people["mia"].call("POST", f"/jobs/{over}/kill", 202)
    yard.yard.wait(over, "killed")
    with yard.visit("mia", "/jobs?q=bulk-") as page:
        page.get_by_role("checkbox", name="Select all jobs on this page").check()
        bar = page.get_by_role("toolbar", name="Actions for the selected jobs")
        expect(bar).to_contain_text("3 selected")
        bar.get_by_role("button", name="pause").click()
        dialog = page.get_by_role("dialog", name="pause 3 jobs?")
        expect(dialog).to_contain_text("no work is lost")
        dialog.get_by_role("button", name="pause").click()
        summary = page.get_by_role("dialog", name="Result of pause")
        expect(summary).to_contain_text("2 jobs were done")
        expect(summary).to_contain_text("1 job was refused")
        expect(summary.get_by_role("listitem")).to_contain_text("bulk-over")
        expect(summary.get_by_role("listitem")).to_contain_text("killed")
        summary.get_by_role("button", name="Close").last.click()
        expect(row(page, "bulk-1")).to_contain_text("paused")
        expect(row(page, "bulk-2")).to_contain_text("paused")


def test_pause_asks_once_says_what_is_lost_and_tells_when_the_job_is_paused(yard: Console) -> None:
    running(yard, "pausable")
    with yard.visit("mia", "/jobs?q=pausable") as page:
        row(page, "pausable").get_by_role("button", name="pause pausable").click()
        dialog = page.get_by_role("dialog", name="pause pausable?")
        expect(dialog).to_contain_text("It has written no checkpoint since it started")
        expect(dialog).to_contain_text("CPU minutes, is lost unless it writes one now")
        dialog.get_by_role("button", name="pause").click()
        expect(page.get_by_text("pausable is paused")).to_be_visible()
        expect(row(page, "pausable")).to_contain_text("paused")
        row(page, "pausable").get_by_role("button", name="resume pausable").click()
        expect(row(page, "pausable")).to_contain_text("running")


def test_kill_is_not_done_when_one_thinks_better_of_it(yard: Console) -> None:
    id = submit(yard, "spared")
    with yard.visit("mia", "/jobs?q=spared") as page:
        row(page, "spared").get_by_role("button", name="kill spared").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert yard.people["mia"].call("GET", f"/jobs/{id}", 200)["status"] == "queued"
        row(page, "spared").get_by_role("button", name="kill spared").click()
        page.get_by_role("dialog").get_by_role("button", name="kill").click()
        expect(row(page, "spared")).to_contain_text("killed")
        expect(row(page, "spared").get_by_role("button", name="kill spared")).to_have_count(0)


def test_a_mail_to_the_operators_has_its_subject_and_says_when_it_was_sent(yard: Console) -> None:
    id = submit(yard, "puzzling")
    with yard.visit("mia", "/jobs?q=puzzling") as page:
        row(page, "puzzling").get_by_role("button", name="support puzzling").click()
        dialog = page.get_by_role("dialog", name="Ask the operators about puzzling")
        expect(dialog.get_by_label("Subject")).to_have_value(f"puzzling ({id}): queued")
        expect(dialog.get_by_label("Include the last lines of the console")).to_be_checked()
        dialog.get_by_role("button", name="Send").click()
        expect(dialog.get_by_role("alert")).to_have_text("Write a subject and a message.")
        dialog.get_by_label("Message").fill("It waits for none-such. Why?")
        dialog.get_by_role("button", name="Send").click()
        expect(dialog.get_by_role("status")).to_contain_text("was written to a file on")
    case = yard.people["mia"].call("GET", f"/jobs/{id}/support", 200)["items"][0]
    assert (case["message"], case["include_logs"]) == ("It waits for none-such. Why?", True)


def test_the_keyboard_walks_selects_and_opens(yard: Console) -> None:
    submit(yard, "keys-1")
    opened = submit(yard, "keys-2")
    with yard.visit("mia", "/jobs?q=keys-") as page:
        expect(page.locator("tbody td.name")).to_have_text(["keys-2", "keys-1"])
        page.keyboard.press("j")
        page.keyboard.press("ArrowDown")
        expect(row(page, "keys-1")).to_be_focused()
        page.keyboard.press("Space")
        expect(row(page, "keys-1")).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Escape")
        expect(row(page, "keys-1")).to_have_attribute("aria-selected", "false")
        page.keyboard.press("k")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{yard.yard.url}/jobs/{opened}")


def test_the_line_above_my_jobs_counts_them_and_leads_to_them(yard: Console) -> None:
    failed = yard.people["otto"].submit("exit 3", "counted", vc="vision", **LIGHT)
    yard.yard.wait(failed, "failed")
    with yard.visit("otto", "/jobs") as page:
        counts = page.get_by_role("list", name="My jobs now")
        expect(counts.get_by_role("button", name="failed today")).to_contain_text("1")
        submit(yard, "counted-2", person="otto", vc="vision")
        expect(counts.get_by_role("button", name="waiting")).to_contain_text("1")
        counts.get_by_role("button", name="failed today").click()
        expect(page.locator("tbody td.name")).to_have_text(["counted"])
        expect(row(page, "counted")).to_contain_text("exit code 3")
        expect(page).to_have_url(re.compile(r"/jobs\?status=failed,error&finished_after=[^&]+&sort=-finished$"))
        page.reload()
        expect(page.locator("tbody td.name")).to_have_text(["counted"])
        page.get_by_role("button", name="Remove the filter Finished from").click()
        expect(page).to_have_url(f"{yard.yard.url}/jobs?status=failed,error&sort=-finished")


def test_a_list_of_what_finished_before_some_day_is_a_filter(yard: Console) -> None:
    over = submit(yard, "ended-now")
    yard.people["mia"].call("POST", f"/jobs/{over}/kill", 202)
    yard.yard.wait(over, "killed")
    with yard.visit("mia", "/jobs?q=ended-") as page:
        expect(page.locator("tbody td.name")).to_have_text(["ended-now"])
        page.get_by_role("button", name="Filter", exact=True).click()
        page.get_by_label("Finished until").fill("2020-01-31")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
        expect(page.get_by_role("button", name="Remove the filter Finished until: Jan 31, 2020")).to_be_visible()
        page.go_back()
        expect(page.locator("tbody td.name")).to_have_text(["ended-now"])
        page.get_by_role("link", name="ALL JOBS").click()
        page.get_by_role("button", name="Filter", exact=True).click()
        expect(page.get_by_label("Submitted until")).to_be_visible()
        expect(page.get_by_label("Finished until")).to_have_count(0)


def test_all_jobs_shows_those_of_others_with_what_one_may_do_and_running_ones_by_a_switch(yard: Console) -> None:
    submit(yard, "all-waits", person="otto", vc="vision", priority=900)
    running(yard, "all-runs", vc="vision")
    with yard.visit("mia", "/all?vc=vision&q=all-") as page:
        expect(page.locator("tbody td.name")).to_have_text(["all-waits"])
        expect(row(page, "all-waits")).to_contain_text("otto")
        expect(row(page, "all-waits").get_by_role("button", name="kill")).to_have_count(0)
        page.get_by_role("switch", name="Include running jobs").click()
        expect(page.locator("tbody td.name")).to_have_text(["all-waits", "all-runs"])
        expect(page).to_have_url(f"{yard.yard.url}/all?q=all-&vc=vision&running=true")


def test_an_empty_all_jobs_says_its_rule(yard: Console) -> None:
    yard.people["admin"].call("POST", "/vcs", 201, json={"name": "empty"})
    add(yard.yard, "eve", {"empty": "member"})
    with yard.visit("eve", "/all") as page:
        expect(page.get_by_role("heading", name="Nobody’s job is waiting")).to_be_visible()
        expect(page.get_by_text("queued, scheduling or paused").last).to_be_visible()


def test_chosen_columns_are_remembered(yard: Console) -> None:
    submit(yard, "chosen")
    with yard.visit("mia", "/jobs?q=chosen") as page:
        page.get_by_role("button", name="Columns").click()
        expect(page.get_by_role("checkbox", name="Id", exact=True)).to_be_disabled()
        page.get_by_role("checkbox", name="Preemptible").uncheck()
        expect(page.get_by_role("columnheader", name="Preemptible")).to_have_count(0)
        page.reload()
        expect(page.get_by_role("columnheader", name="Priority")).to_be_visible()
        expect(page.get_by_role("columnheader", name="Preemptible")).to_have_count(0)


def test_on_a_phone_a_row_has_two_lines_and_leads_to_its_job(yard: Console) -> None:
    id = submit(yard, "pocket")
    with yard.visit("mia", "/jobs?q=pocket", width=PHONE) as page:
        line = row(page, "pocket")
        expect(line).to_contain_text("queued")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        line.get_by_role("button", name="Actions for pocket").click()
        expect(page.get_by_role("menuitem")).to_have_text(["support", "pause", "kill"])
        page.keyboard.press("Escape")
        expect(page.get_by_role("menu")).to_have_count(0)  # while it closes, nothing below it can be pressed
        line.locator("td.name").click(force=True)
        expect(page).to_have_url(f"{yard.yard.url}/jobs/{id}")
