"""The page of a job: BRIEF, its history, ENDPOINTS, and how all of it follows the job."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.console import PHONE, Console, console
from tests.support.console_jobs import CALM, LIGHT
from tests.support.ports import free_port
from tests.support.programs import needs

needs("chromium")

FIELDS = [
    *("Job Id", "Job Name", "VC Name", "Docker Image", "Command", "Data Path", "Work Path", "Job Path"),
    *("Preemptible", "Device Type", "Number of Device", "Job Status", "Job Submission Time"),
]
COUNTS = "for i in $(seq 1 30); do echo step-$i.; done; printf '\\033[31mOut of memory\\033[0m\\n' >&2; exit 3"
SERVES = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from the job")

HTTPServer(("127.0.0.1", PORT), Hello).serve_forever()
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0kQ4l0ZzJr1hN8m0f3p8b5v1sQk1cXo4m4n9d2a7Ue mia@laptop"


@pytest.fixture(scope="module")
def yard() -> Iterator[Console]:
    with console() as running:
        yield running


def field(page: Page, name: str) -> Locator:
    """What stands beside this name."""
    return page.locator("dl > div").filter(has=page.locator("dt").get_by_text(name, exact=True)).locator("dd").first


def top(part: Locator) -> float:
    box = part.bounding_box()
    assert box is not None
    return box["y"]


def history(page: Page) -> Locator:
    return page.get_by_role("region", name="History").get_by_role("listitem")


def test_a_failed_job_shows_first_why_with_its_exit_code_and_last_lines(yard: Console) -> None:
    mia = yard.people["mia"]
    notify = [{"to": "mailto:mia@example.org"}]
    failed = mia.submit(COUNTS, "digits", notify=notify, env={"LR": "0.1"}, labels={"team": "vision"}, **LIGHT)
    yard.yard.wait(failed, "failed")
    mia.call("POST", f"/jobs/{failed}/support", 202, json={"subject": "Too large?", "message": "It fits elsewhere."})
    with yard.visit("mia", f"/jobs/{failed}") as page:
        first = page.get_by_role("region", name="Why it failed")
        expect(first).to_contain_text("exit code 3")
        expect(first).to_contain_text("step-12.")
        expect(first).to_contain_text("Out of memory")
        expect(first).not_to_contain_text("step-11.")  # the last 20 lines: 19 steps and this
        expect(page).to_have_title("failed · digits · Jobyard")
        assert top(page.locator(".fields")) > top(first)

        told = page.locator("section").filter(has=page.get_by_role("heading", name="Who is told"))
        expect(told).to_contain_text("mia@example.org")
        expect(told).to_contain_text("written to the file")
        asked = page.locator("section").filter(has=page.get_by_role("heading", name="Questions to the operators"))
        expect(asked).to_contain_text("Too large?")
        expect(asked).to_contain_text("written to the file")
        expect(field(page, "LR")).to_contain_text("0.1")
        expect(field(page, "Labels")).to_contain_text("team=vision")
        expect(page.get_by_role("link", name="Clone")).to_have_attribute("href", f"/submit?clone={failed}")


def test_brief_has_the_fields_of_the_manual_and_every_path_can_be_copied(yard: Console) -> None:
    job = yard.people["mia"].submit(["echo", "two words"], "brief", device_type="none-such", devices=1, **LIGHT)
    with yard.visit("mia", f"/jobs/{job}") as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        expect(page.locator("main .fields > div > dt")).to_have_text(FIELDS)
        for name, text in (("Job Id", job), ("Command", "echo 'two words'"), ("Job Path", f"jobs/{job}")):
            page.get_by_role("button", name=f"Copy {name}", exact=True).click()
            page.wait_for_function("text => navigator.clipboard.readText().then((now) => now === text)", arg=text)
        waits = field(page, "Job Status")
        expect(waits).to_contain_text("No node has none-such")
        expect(waits).to_contain_text("What would change that")


def test_a_job_of_two_nodes_says_how_many_devices_it_has_in_all_and_shows_one_rank_alone(yard: Console) -> None:
    words = 'echo "this is rank $RANK"; trap "exit 0" TERM; sleep 600 & wait'
    job = yard.people["mia"].submit(words, "pair", device_type="v100", devices=2, nodes=2, **LIGHT)
    yard.yard.wait(job, "running")
    with yard.visit("mia", f"/jobs/{job}") as page:
        for name, number in (("Number of Device", "2"), ("Number of Nodes", "2"), ("Total of Device", "4")):
            expect(field(page, name)).to_have_text(number)
        expect(history(page).filter(has_text="v100 0, 1").filter(has_text="v100 2, 3")).to_have_count(1)
        page.get_by_role("link", name="CONSOLE").click()
        lines = page.get_by_role("region", name="Output of the job")
        expect(lines).to_contain_text("this is rank 0")
        expect(lines).to_contain_text("this is rank 1")
        page.get_by_role("button", name="All ranks").click()
        page.get_by_role("menuitemradio", name="Rank 1").click()
        expect(lines).not_to_contain_text("this is rank 0")
        expect(lines).to_contain_text("this is rank 1")
    yard.people["mia"].call("POST", f"/jobs/{job}/kill", 202)


def test_a_job_that_waits_moves_up_as_the_queue_does(yard: Console) -> None:
    mia = yard.people["mia"]
    first = mia.submit(CALM, "holds", device_type="ascend910", devices=8, **LIGHT)
    yard.yard.wait(first, "running")
    ahead = mia.submit(CALM, "ahead", device_type="ascend910", devices=8, priority=900, **LIGHT)
    job = mia.submit(CALM, "behind", device_type="ascend910", devices=8, priority=800, **LIGHT)
    with yard.visit("mia", f"/jobs/{job}") as page:
        waits = field(page, "Job Status")
        expect(waits).to_contain_text("Waits for 8 ascend910")
        place = int((waits.get_by_text(re.compile(r"^#\d+$")).text_content() or "#0")[1:])
        expect(waits).to_contain_text("1 job that holds devices")
        mia.call("POST", f"/jobs/{ahead}/kill", 202)
        expect(waits).to_contain_text(f"#{place - 1}")
        mia.call("POST", f"/jobs/{first}/kill", 202)
        expect(page.locator("header [data-status]").last).to_have_text("running")
    mia.call("POST", f"/jobs/{job}/kill", 202)


def test_the_page_follows_a_preemption_and_says_for_whom_and_what_it_cost(yard: Console) -> None:
    mia = yard.people["mia"]
    job = mia.submit(CALM, "gives-way", device_type="v100", devices=8, preemptible=True, priority=10, **LIGHT)
    yard.yard.wait(job, "running")
    with yard.visit("mia", f"/jobs/{job}") as page:
        expect(page).to_have_title("running · gives-way · Jobyard")
        expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile(r"/running-[\w-]+\.svg"))
        winner = mia.submit(CALM, "takes-over", device_type="v100", devices=8, priority=900, **LIGHT)
        expect(page).to_have_title("queued · gives-way · Jobyard")
        expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile(r"/queued-[\w-]+\.svg"))
        line = history(page).filter(has_text="Preempted")
        expect(line).to_contain_text("by the platform (scheduler)")
        expect(line).to_contain_text("Work lost")
        expect(line).to_contain_text("Last checkpoint")
        line.get_by_role("link", name=winner).click()
        expect(page.get_by_role("heading", name="takes-over")).to_be_visible()
    for id in (job, winner):
        mia.call("POST", f"/jobs/{id}/kill", 202)


def test_a_pause_shows_who_asked_and_the_tabs_are_addresses(yard: Console) -> None:
    mia = yard.people["mia"]
    job = mia.submit(CALM, "rests", **LIGHT)
    yard.yard.wait(job, "running")
    with yard.visit("mia", f"/jobs/{job}", width=PHONE, height=844) as page:
        yard.people["vera"].call("POST", f"/jobs/{job}/pause", 202)
        expect(history(page).filter(has_text=re.compile("^Paused"))).to_contain_text("by vera")
        page.get_by_role("link", name="ENDPOINTS").click()
        expect(page.get_by_text("Each way in is ready while the job runs")).to_be_visible()
        expect(page).to_have_url(f"{yard.yard.url}/jobs/{job}/endpoints")
        expect(page).to_have_title("paused · rests · Jobyard")
        page.go_back()
        expect(history(page).first).to_be_visible()


def test_a_port_opens_in_a_new_tab_signed_in(yard: Console) -> None:
    port = free_port()
    job = yard.people["mia"].submit(["python3", "-c", SERVES.replace("PORT", str(port))], "serves", **LIGHT)
    yard.yard.wait(job, "running")
    with yard.visit("mia", f"/jobs/{job}/endpoints") as page:
        page.get_by_label("New interactive port").fill("80")
        page.get_by_role("button", name="Open the port").click()
        expect(page.get_by_text("Enter a port from 1024 to 65535.")).to_be_visible()
        page.get_by_label("New interactive port").fill(str(port))
        page.get_by_role("button", name="Open the port").click()
        row = page.get_by_role("listitem", name=f"Port {port}")
        with page.context.expect_page() as opened:
            row.get_by_role("button", name="Open").click()
        expect(opened.value.get_by_text("hello from the job")).to_be_visible()
        assert "ticket" not in opened.value.url
        opened.value.close()
        row.get_by_role("switch").click()
        expect(row).to_contain_text("Off")
        expect(row.get_by_role("switch")).to_have_attribute("aria-checked", "false")
    yard.people["mia"].call("POST", f"/jobs/{job}/kill", 202)


def test_ssh_asks_for_a_key_and_a_failure_says_why(yard: Console, tmp_path: Path) -> None:
    mia = yard.people["mia"]
    broken = tmp_path / "jupyter-lab"
    broken.write_text("#!/bin/sh\necho 'no notebook today' >&2\nexit 7\n")
    broken.chmod(0o755)
    job = mia.submit(CALM, "opens", env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, **LIGHT)
    yard.yard.wait(job, "running")
    with yard.visit("mia", f"/jobs/{job}/endpoints") as page:
        page.get_by_role("switch", name="Enable SSH").click()
        asks = page.get_by_role("dialog", name="Add a public key")
        asks.get_by_label("Public key").fill(KEY)
        asks.get_by_role("button", name="Add a public key").click()
        expect(asks).to_be_hidden()
        ssh = page.get_by_role("listitem", name="SSH")
        expect(ssh).to_contain_text(f"ssh -p {yard.yard.ssh_port} {job}@")
        expect(ssh.get_by_role("button", name="Copy the command")).to_be_visible()
        expect(ssh.get_by_text("you have none here yet")).to_be_hidden()

        page.get_by_role("switch", name="Enable Jupyter").click()
        jupyter = page.get_by_role("listitem", name="Jupyter")
        expect(jupyter).to_contain_text("Failed")
        expect(jupyter).to_contain_text("no notebook today")
        expect(jupyter.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.get_by_text("folder “tensorboard” of the job path")).to_be_visible()
        expect(page.get_by_text("must listen on that port")).to_be_visible()
    mia.call("POST", f"/jobs/{job}/kill", 202)


def test_a_job_shows_what_its_reader_may_see_and_says_what_not(yard: Console) -> None:
    job = yard.people["vera"].submit("echo private", "veras-own", work_path=None, **LIGHT)
    with yard.visit("mia", f"/jobs/{job}/endpoints", faults=("403 (Forbidden)",)) as page:
        expect(page.get_by_text("Only vera and administrators may use them.")).to_be_visible()
    with yard.visit("otto", f"/jobs/{job}", faults=("404 (Not Found)",)) as page:
        expect(page.get_by_role("heading", name="There is no such job for you")).to_be_visible()
    yard.people["admin"].call("PATCH", "/vcs/default", 200, json={"open": False})
    try:
        with yard.visit("mia", f"/jobs/{job}", faults=("403 (Forbidden)",)) as page:
            expect(field(page, "Command")).to_have_text("not for you to see")
            expect(field(page, "Job Name")).to_have_text("veras-own")
            expect(page.get_by_role("link", name="Clone")).to_be_hidden()
    finally:
        yard.people["admin"].call("PATCH", "/vcs/default", 200, json={"open": True})


def test_in_chinese_reasons_and_history_are_chinese_and_the_manuals_words_stay(yard: Console) -> None:
    job = yard.people["mia"].submit("exit 4", "fails", **LIGHT)
    yard.yard.wait(job, "failed")
    with yard.visit("mia", f"/jobs/{job}", language="zh") as page:
        expect(page.get_by_role("region", name="失败原因")).to_contain_text("退出码 4")
        expect(page.locator("main .fields > div > dt [lang=en]")).to_have_text(FIELDS)
        expect(page.get_by_role("region", name="历史")).to_contain_text("命令已结束，退出码为 4")
