"""Submitting in the browser: the form, what the gateway says of it while one types, and the same for a terminal."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.axe import grave_violations
from tests.support.console import Console, console
from tests.support.people import Person
from tests.support.programs import needs

needs("chromium")

REFUSED = ("422",)
"""What the browser notes of each check of a half-typed submission."""
STORED = (
    *("name", "command", "vc", "image", "env", "data_path", "work_path", "job_path", "checkpoint_path", "device_type"),
    *("devices", "nodes", "cpus", "memory_mib", "preemptible", "priority", "max_duration_s", "grace_period_s"),
    *("retries", "labels", "endpoints", "interactive_ports", "notify"),
)


@pytest.fixture(scope="module")
def yard() -> Iterator[Console]:
    with console() as running:
        yield running


def stored(person: Person, name: str) -> list[dict[str, Any]]:
    """This person's jobs of this name, the newest first."""
    return [job for job in person.call("GET", f"/jobs?q={name}", 200)["items"] if job["name"] == name]


def verdict(page: Page) -> Locator:
    return page.get_by_role("region", name="Check")


def accepted(page: Page) -> None:
    expect(verdict(page)).to_contain_text("It would be accepted")


def submit(page: Page) -> None:
    verdict(page).get_by_role("button", name="Submit").click()


def test_one_submits_a_job_and_is_led_to_it(yard: Console) -> None:
    with yard.visit("mia", "/submit", faults=REFUSED) as page:
        expect(verdict(page)).to_contain_text("A name and a command are enough")
        page.get_by_label("Job Name").fill("first")
        page.get_by_label("Command", exact=True).fill("echo 'hello world'")
        accepted(page)
        expect(page.get_by_role("region", name="Command line")).to_contain_text("--name first")
        submit(page)
        expect(page.get_by_role("heading", name="first")).to_be_visible()
        (job,) = stored(yard.people["mia"], "first")
        assert page.url.endswith(f"/jobs/{job['id']}")
        assert job["command"] == "echo 'hello world'"
        page.goto(f"{yard.yard.url}/submit")
        expect(page.get_by_label("Job Name")).to_have_value("")


def test_what_is_wrong_is_said_at_its_field_while_one_types_and_what_to_know_is_shown(yard: Console) -> None:
    with yard.visit("mia", "/submit", faults=REFUSED) as page:
        name, command = page.get_by_label("Job Name"), page.get_by_label("Command", exact=True)
        name.fill("two words")
        expect(name).to_have_attribute("aria-invalid", "true")
        expect(page.get_by_text("Must begin with a letter or digit").first).to_be_visible()
        expect(verdict(page)).to_contain_text("Not yet ready to submit")
        expect(command).not_to_have_attribute("aria-invalid", "true")
        name.fill("two-words")
        expect(name).not_to_have_attribute("aria-invalid", "true")
        submit(page)
        expect(command).to_have_attribute("aria-invalid", "true")
        expect(command).to_be_focused()
        command.fill("python train.py")
        page.get_by_label("Device Type").select_option("v100")
        page.get_by_label("Docker Image").fill("python:3.12")
        accepted(page)
        expect(verdict(page)).to_contain_text("simulated")
        expect(verdict(page)).to_contain_text("python:3.12 is not used")
        page.get_by_label("Priority").fill("high")
        expect(page.get_by_label("Priority")).to_have_attribute("aria-invalid", "true")
        assert stored(yard.people["mia"], "two-words") == []
        assert grave_violations(page) == []


def test_an_answer_about_what_stood_there_before_counts_no_more(yard: Console) -> None:
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if "wrong name" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    with yard.visit("mia", "/submit", faults=REFUSED) as page:
        page.route("**/jobs:validate", hold_the_first)
        page.get_by_label("Command", exact=True).fill("echo")
        with page.expect_request(lambda request: "wrong name" in (request.post_data or "")):
            page.get_by_label("Job Name").fill("wrong name")
        page.get_by_label("Job Name").fill("right-name")
        accepted(page)
        held[0].continue_()
        accepted(page)
        expect(page.get_by_label("Job Name")).not_to_have_attribute("aria-invalid", "true")


def fill_everything(page: Page, folder: Path) -> None:
    page.get_by_label("Job Name").fill("everything")
    page.get_by_label("VC Name").select_option("vision")
    page.get_by_role("button", name="Arguments").click()
    page.get_by_label("Argument 1", exact=True).fill("echo")
    page.get_by_role("button", name="Add an argument").click()
    page.get_by_label("Argument 2", exact=True).fill("it's $HOME & more")
    page.get_by_label("Docker Image").fill("python:3.12")
    page.get_by_label("Device Type").select_option("ascend910")
    for label, value in {
        "Number of Device": "2",
        "CPUs": "0.01",
        "Memory (MiB)": "16",
        "Number of Nodes": "1",
        "Priority": "300",
        "Data Path": str(folder),
        "Work Path": str(folder),
        "Job Path": "jobs/everything",
    }.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Preemptible").check()
    page.get_by_role("heading", name="Advanced").click()
    page.get_by_role("button", name="Add a variable").click()
    page.get_by_label("Name of variable 1", exact=True).fill("LINES")
    page.get_by_label("Value of variable 1").fill("one\n two ")
    page.get_by_role("button", name="Add a variable").click()
    page.get_by_label("Name of variable 2", exact=True).fill("TOKEN")
    page.get_by_label("What variable 2 holds").select_option("secret")
    page.get_by_label("Secret of variable 2").select_option("HUB")
    page.get_by_label("TensorBoard").check()
    page.get_by_label("Interactive ports").fill("8000, 8001")
    for label, value in {
        "Retries": "1",
        "Time limit (s)": "3600",
        "Grace period (s)": "5",
        "Checkpoint path": "jobs/everything/kept",
    }.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Add a label").click()
    page.get_by_label("Name of label 1", exact=True).fill("team")
    page.get_by_label("Value of label 1").fill("vision")
    page.get_by_role("button", name="Add a recipient").click()
    page.get_by_label("Recipient 1", exact=True).fill("mailto:mia@example.org")


def test_every_field_reaches_the_job_and_the_command_line_submits_the_same(yard: Console, tmp_path: Path) -> None:
    mia = yard.people["mia"]
    mia.call("PUT", "/me/secrets/HUB", 201, json={"value": "canary-value"})
    folder = yard.yard.data / "data-of-mia"
    folder.mkdir()
    with yard.visit("mia", "/submit", faults=REFUSED) as page:
        fill_everything(page, folder)
        accepted(page)
        line = page.get_by_role("region", name="Command line").inner_text()
        kept = page.evaluate("JSON.stringify(sessionStorage)")
        submit(page)
        expect(page.get_by_role("heading", name="everything")).to_be_visible()
    assert "canary-value" not in kept
    assert "everything" in kept
    by_command(line, yard, mia, tmp_path)
    second, first = stored(mia, "everything")
    assert {field: first[field] for field in STORED} == {
        "name": "everything",
        "command": ["echo", "it's $HOME & more"],
        "vc": "vision",
        "image": "python:3.12",
        "env": {"LINES": "one\n two ", "TOKEN": {"secret": "HUB"}},
        "device_type": "ascend910",
        "devices": 2,
        "data_path": str(folder),
        "work_path": str(folder),
        "job_path": "jobs/everything",
        "checkpoint_path": "jobs/everything/kept",
        "nodes": 1,
        "cpus": 0.01,
        "memory_mib": 16,
        "preemptible": True,
        "priority": 300,
        "max_duration_s": 3600,
        "grace_period_s": 5,
        "retries": 1,
        "labels": {"team": "vision"},
        "endpoints": ["tensorboard"],
        "interactive_ports": [8000, 8001],
        "notify": [{"to": "mailto:mia@example.org", "on": ["finished", "failed", "error", "killed"]}],
    }
    assert {field: second[field] for field in STORED} == {field: first[field] for field in STORED}


def by_command(line: str, yard: Console, person: Person, folder: Path) -> None:
    """As a person runs it: a shell reads the line, the command submits."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        "PATH": programs,
        "HOME": str(folder),
        "JOBYARD_URL": yard.yard.url,
        "JOBYARD_TOKEN": str(person.token),
    }
    ran = subprocess.run(
        ["/bin/sh", "-c", line],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_double_press_and_a_lost_answer_make_one_job(yard: Console) -> None:
    lost: list[int] = []

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    with yard.visit("mia", "/submit", faults=(*REFUSED, "ERR_FAILED")) as page:
        page.route("**/api/v1/jobs", lose_the_answer)
        page.get_by_label("Job Name").fill("only-one")
        page.get_by_label("Command", exact=True).fill("echo")
        accepted(page)
        verdict(page).get_by_role("button", name="Submit").dblclick()
        expect(verdict(page).get_by_role("alert")).to_contain_text("Submit again")
        verdict(page).get_by_role("button", name="Submit").dblclick()
        expect(page.get_by_role("heading", name="only-one")).to_be_visible()
    assert lost == [201]
    assert len(stored(yard.people["mia"], "only-one")) == 1


def test_a_draft_outlives_a_reload_and_an_ended_sign_in(yard: Console) -> None:
    with yard.visit("vera", "/submit", faults=(*REFUSED, "401")) as page:
        page.get_by_label("Job Name").fill("outlives")
        page.get_by_label("Command", exact=True).fill("echo\n  two lines")
        accepted(page)
        page.reload()
        expect(page.get_by_text("This draft was kept from before.")).to_be_visible()
        expect(page.get_by_label("Command", exact=True)).to_have_value("echo\n  two lines")
        button = verdict(page).get_by_role("button", name="Submit").element_handle()
        page.context.clear_cookies()
        # The page itself may be refused first, and its question then covers the button: it is pressed nevertheless.
        button.evaluate("button => button.click()")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Password").fill(yard.password("vera"))
        dialog.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="outlives")).to_be_visible()
    assert [job["command"] for job in stored(yard.people["vera"], "outlives")] == ["echo\n  two lines"]


def test_a_clone_asks_for_the_same_and_says_what_is_hidden(yard: Console) -> None:
    mia = yard.people["mia"]
    asked = {"vc": "vision", "priority": 200, "labels": {"team": "vision"}, "env": {"LR": "0.1", "KEY": "hidden-one"}}
    id = mia.submit(["echo", "a b"], "cloned", **asked)
    with yard.visit("mia", f"/jobs/{id}", faults=REFUSED) as page:
        page.get_by_role("link", name="Clone").click()
        expect(page.get_by_label("Job Name")).to_have_value("cloned")
        expect(page.get_by_label("Argument 2", exact=True)).to_have_value("a b")
        accepted(page)
        text = page.get_by_role("region", name="The same elsewhere")
        text.get_by_role("button", name="JSON").click()
        assert json.loads(text.locator("pre").inner_text()) == {"name": "cloned", "command": ["echo", "a b"], **asked}
    with yard.visit("otto", f"/submit?clone={id}", faults=REFUSED) as page:
        expect(page.get_by_text(re.compile("values of its environment are not for you to see"))).to_be_visible()
        expect(page.get_by_label("Name of variable 2", exact=True)).to_have_value(re.compile("LR|KEY"))
        expect(page.get_by_label("Value of variable 1")).to_have_value("")
        expect(page.get_by_label("Value of variable 2")).to_have_value("")
        assert "hidden-one" not in page.content()


def test_what_is_wrong_is_said_in_chinese(yard: Console) -> None:
    with yard.visit("mia", "/submit", language="zh", faults=REFUSED) as page:
        page.locator("[data-field=name] input").fill("两个词")
        expect(page.get_by_role("region", name="检查")).to_contain_text("须以字母或数字开头")
        expect(page.get_by_text("还不能提交")).to_be_visible()
