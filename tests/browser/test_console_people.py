"""The account page and the administrators' pages, as a member, and as an administrator of the platform."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.console import Console, console
from tests.support.programs import needs

needs("chromium")

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl mia@laptop"


@pytest.fixture(scope="module")
def yard() -> Iterator[Console]:
    with console() as running:
        yield running


def part(page: Page, name: str) -> Page:
    return page.get_by_role("region", name=name)  # type: ignore[return-value]


def test_one_adds_a_public_key_by_pasting_it_and_removes_it_again(yard: Console) -> None:
    with yard.visit("mia", "/account", faults=("422",)) as page:
        keys = part(page, "SSH keys")
        keys.get_by_role("button", name="Add a public key").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Public key").fill("not a key")
        dialog.get_by_label("Name").fill("laptop")
        dialog.get_by_role("button", name="Add a public key").click()
        expect(dialog.get_by_label("Public key")).to_have_attribute("aria-invalid", "true")
        dialog.get_by_label("Name").fill("")
        dialog.get_by_label("Public key").fill(KEY)
        expect(dialog.get_by_label("Name")).to_have_value("mia-laptop")
        dialog.get_by_role("button", name="Add a public key").click()
        expect(keys.get_by_role("row", name="mia-laptop")).to_contain_text("SHA256:")
        keys.get_by_role("button", name="Remove mia-laptop").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(keys.get_by_text("No key yet")).to_be_visible()


def test_a_token_is_shown_once_and_works_until_it_is_removed(yard: Console) -> None:
    with yard.visit("mia", "/account") as page:
        tokens = part(page, "API tokens")
        tokens.get_by_role("button", name="New token").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("nightly")
        dialog.get_by_role("button", name="Create").click()
        secret = dialog.locator("code").inner_text()
        me = yard.yard.http.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
        assert (me.json()["name"], me.json()["scope"]) == ("mia", "read")
        dialog.get_by_role("button", name="I have stored it").click()
        assert secret not in page.content()
        tokens.get_by_role("button", name="Remove nightly").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(tokens.get_by_text("No token yet")).to_be_visible()


def test_secrets_are_set_and_replaced_and_never_shown_and_a_vc_s_are_for_its_administrators(yard: Console) -> None:
    with yard.visit("vera", "/account") as page:
        secrets = part(page, "Secrets")
        secrets.get_by_label("Of").select_option("default")
        secrets.get_by_role("button", name="Add a secret").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("HUB_TOKEN")
        dialog.get_by_label("Value").fill("canary-value")
        dialog.get_by_role("button", name="Store").click()
        expect(secrets.get_by_role("row", name="HUB_TOKEN")).to_contain_text("vera")
        assert "canary-value" not in page.content()
    assert [one["name"] for one in yard.people["vera"].call("GET", "/vcs/default/secrets", 200)["items"]] == [
        "HUB_TOKEN"
    ]
    with yard.visit("mia", "/account") as page:
        expect(part(page, "Secrets").get_by_text("No secret yet")).to_be_visible()
        expect(part(page, "Secrets").get_by_label("Of")).to_have_count(0)


def test_a_new_password_keeps_one_signed_in_here_and_a_wrong_present_one_is_said(yard: Console) -> None:
    with yard.visit("otto", "/account", faults=("403",)) as page:
        password = part(page, "Password")
        password.get_by_label("Current password").fill("wrong")
        password.get_by_label("New password").fill("another long sentence")
        password.get_by_role("button", name="Change password").click()
        expect(password.get_by_role("alert")).to_contain_text("present password is wrong")
        password.get_by_label("Current password").fill(yard.password("otto"))
        password.get_by_role("button", name="Change password").click()
        expect(page.get_by_text("The password is changed")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="otto")).to_be_visible()


def test_an_administrator_makes_changes_and_removes_a_user(yard: Console) -> None:
    with yard.visit("admin", "/admin") as page:
        page.get_by_role("button", name="New user").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("User", exact=True).fill("nina")
        dialog.get_by_label("Password").fill("a long sentence")
        dialog.get_by_label("vision").select_option("member")
        dialog.get_by_role("button", name="Create").click()
        row = page.get_by_role("row", name="nina")
        expect(row).to_contain_text("vision")
        row.get_by_role("button", name="Edit nina").click()
        page.get_by_role("dialog").get_by_label("disabled", exact=False).check()
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(row).to_contain_text("disabled")
        row.get_by_role("button", name="Remove nina").click()
        page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        expect(row).to_have_count(0)


def test_an_administrator_bounds_a_virtual_cluster_and_a_bound_that_is_no_number_is_named(yard: Console) -> None:
    with yard.visit("admin", "/admin/vcs", faults=("422",)) as page:
        page.get_by_role("button", name="New virtual cluster").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("lab")
        dialog.get_by_label("Highest priority").fill("many")
        dialog.get_by_role("button", name="Create").click()
        expect(dialog.get_by_label("Highest priority")).to_have_attribute("aria-invalid", "true")
        dialog.get_by_label("Highest priority").fill("300")
        dialog.get_by_role("button", name="Create").click()
        expect(page.get_by_role("row", name="lab")).to_contain_text("300")


def test_support_cases_and_the_audit_say_who_asked_and_who_did_what(yard: Console) -> None:
    mia = yard.people["mia"]
    job = mia.call("POST", "/jobs", 201, json={"name": "digits", "command": "true"})["id"]
    question = {"subject": "It stands still", "message": "Since <b>noon</b>."}
    mia.call("POST", f"/jobs/{job}/support", 202, json=question)
    with yard.visit("admin", "/admin/support") as page:
        page.get_by_text("It stands still").click()
        expect(page.get_by_text("Since <b>noon</b>.")).to_be_visible()
        page.get_by_role("navigation", name="Administration").get_by_role("link", name="Audit").click()
        page.get_by_label("Actor").fill("mia")
        page.get_by_role("button", name="Filter").click()
        expect(page).to_have_url(f"{yard.yard.url}/admin/audit?actor=mia")
        rows = page.get_by_role("row").filter(has_text="job.")
        expect(rows.first).to_contain_text("mia")
        page.get_by_label("Actor").fill("nobody-of-that-name")
        page.get_by_role("button", name="Filter").click()
        expect(page.get_by_text("No matching entries")).to_be_visible()
        page.go_back()
        expect(rows.first).to_be_visible()


def test_pages_of_administrators_are_no_pages_for_others(yard: Console) -> None:
    with yard.visit("vera", "/admin/users") as page:
        expect(page.get_by_text("There is no such page")).to_be_visible()
        expect(page.get_by_role("link", name="Administration")).to_have_count(0)
