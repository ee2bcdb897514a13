"""Signing in to the console and out of it, as people do it, and what becomes of their work when a sign-in ends."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.console import Console, console
from tests.support.oidc import Issuer, issuer, settings, who
from tests.support.people import PASSWORD, add, admin
from tests.support.programs import needs
from tests.support.stranger import page_of_a_stranger

needs("chromium")

REFUSED = "401 (Unauthorized)"


@pytest.fixture(scope="module")
def idp() -> Iterator[Issuer]:
    with issuer() as running:
        yield running


@pytest.fixture(scope="module")
def yard(idp: Issuer) -> Iterator[Console]:
    with console(**settings(idp)) as running:
        yield running


@pytest.fixture(scope="module")
def link(yard: Console) -> str:
    """What a mail about a job leads to."""
    return f"/jobs/{yard.people['mia'].submit('true', 'digits', cpus=0.01)}?from=mail"


def fill_in(page: Page, user: str, password: str) -> None:
    page.get_by_label("User", exact=True).fill(user)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def expect_signed_in(page: Page, name: str) -> None:
    expect(page.get_by_role("button", name=f"Account of {name}")).to_be_visible()


def test_user_and_password_lead_back_to_where_one_wanted_to_go(yard: Console, link: str) -> None:
    with yard.visit(None, link) as page:
        fill_in(page, "mia", PASSWORD)
        expect_signed_in(page, "mia")
        expect(page).to_have_url(f"{yard.yard.url}{link}")


def test_the_keyboard_alone_is_enough_and_the_user_field_waits_for_it(yard: Console) -> None:
    with yard.visit(None, "/sign-in") as page:
        expect(page.get_by_label("User", exact=True)).to_be_focused()
        page.keyboard.type("mia")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect_signed_in(page, "mia")


def test_a_wrong_password_is_said_in_words_and_the_right_one_still_works(yard: Console) -> None:
    with yard.visit(None, "/sign-in") as page:
        fill_in(page, "mia", "not the password")
        expect(page.get_by_role("alert")).to_contain_text("password")
        page.keyboard.type(PASSWORD)  # the wrong one is selected
        page.keyboard.press("Enter")
        expect_signed_in(page, "mia")


def test_a_link_cannot_lead_a_person_to_another_site(yard: Console) -> None:
    with yard.visit(None, "/sign-in?back=//evil.example/") as page:
        fill_in(page, "mia", PASSWORD)
        expect_signed_in(page, "mia")
        expect(page).to_have_url(f"{yard.yard.url}/jobs")


def test_no_token_can_be_found_by_a_script(yard: Console) -> None:
    with yard.visit(None, "/sign-in") as page:
        fill_in(page, "mia", PASSWORD)
        expect_signed_in(page, "mia")
        kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
        assert "eyJ" not in kept  # as a signed token begins
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")


def test_the_chosen_language_is_remembered(yard: Console) -> None:
    with yard.visit(None, "/sign-in") as page:
        page.get_by_role("button", name="中文").click()
        expect(page.get_by_role("button", name="登录", exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_role("button", name="登录", exact=True)).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        yard.sign_in(page.context, "mia")
        page.goto(f"{yard.yard.url}/jobs")
        page.get_by_role("button", name="mia 的账户").click()
        page.get_by_role("menuitemradio", name="English").or_(page.get_by_role("menuitem", name="English")).click()
        expect_signed_in(page, "mia")
        page.reload()
        expect_signed_in(page, "mia")


def test_after_signing_out_neither_a_link_nor_the_back_button_shows_a_page(yard: Console, link: str) -> None:
    with yard.visit("mia", link) as page:
        page.get_by_role("button", name="Account of mia").click()
        page.get_by_role("menuitem", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        assert page.context.cookies() == []
        page.go_back()
        expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_a_page_becomes_that_of_whoever_signs_in_in_another_tab(yard: Console) -> None:
    with yard.visit("mia", "/jobs", faults=("409",)) as page:
        expect_signed_in(page, "mia")
        other = page.context.new_page()
        yard.sign_in(page.context, "admin")
        other.goto(f"{yard.yard.url}/jobs")
        expect_signed_in(other, "admin")
        expect_signed_in(page, "admin")


def test_a_page_that_has_heard_of_nothing_does_nothing_as_somebody_else(yard: Console) -> None:
    with yard.visit("mia", "/jobs", faults=("409",)) as page:
        expect_signed_in(page, "mia")
        yard.sign_in(page.context, "admin")
        with page.expect_response(lambda response: response.status == 409):
            page.get_by_role("link", name="Cluster").click()
        expect_signed_in(page, "admin")


def test_a_sign_in_at_the_issuer_leads_back_too(yard: Console, idp: Issuer, link: str) -> None:
    who(idp, "olive", "everybody")
    with yard.visit(None, link) as page:
        page.get_by_role("button", name="Sign in with").click()
        expect_signed_in(page, "olive")
        expect(page).to_have_url(f"{yard.yard.url}{link}")


def test_what_the_issuer_refuses_is_said_on_the_sign_in_page(yard: Console, idp: Issuer) -> None:
    idp.refuses = "access_denied"
    try:
        with yard.visit(None, "/sign-in") as page:
            page.get_by_role("button", name="Sign in with").click()
            expect(page.get_by_role("alert")).to_contain_text("did not sign you in")
            expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    finally:
        idp.refuses = None


def test_a_sign_in_that_is_ended_says_so_without_being_asked_and_goes_on_where_one_was(
    yard: Console, link: str
) -> None:
    add(yard.yard, "ellen")
    with yard.visit("ellen", link, faults=(REFUSED,)) as page:
        expect_signed_in(page, "ellen")
        admin(yard.yard).call("PATCH", "/users/ellen", 200, json={"password": PASSWORD + "!"})
        dialog = page.get_by_role("dialog", name="Your sign-in has ended")
        expect(dialog).to_be_visible()
        page.keyboard.press("Escape")  # there is nothing behind it that could be used
        expect(dialog).to_be_visible()
        expect(dialog.get_by_label("User")).to_have_value("ellen")
        dialog.get_by_label("Password").fill(PASSWORD + "!")
        dialog.get_by_role("button", name="Sign in").click()
        expect(dialog).to_be_hidden()
        expect(page).to_have_url(f"{yard.yard.url}{link}")
        expect(page.get_by_text("Live: changes show as they happen")).to_be_attached()


def sign_in_again(page: Page) -> None:
    dialog = page.get_by_role("dialog", name="Your sign-in has ended")
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()


def test_what_one_was_doing_when_the_sign_in_ended_goes_on_after_signing_in_again(yard: Console) -> None:
    mia = yard.people["mia"]
    id = mia.submit("true", "unwanted", device_type="none-such", devices=1)
    with yard.visit("mia", "/jobs", faults=(REFUSED,)) as page:
        row = page.get_by_role("row", name="unwanted")
        row.get_by_role("button", name="kill unwanted").click()
        kill = page.get_by_role("dialog").get_by_role("button", name="kill").element_handle()
        page.context.clear_cookies()  # as after twelve hours
        # The page itself may be refused first, and its question then covers this button: it is pressed nevertheless.
        kill.evaluate("button => button.click()")
        sign_in_again(page)
        expect(row).to_contain_text("killed")
    assert yard.yard.job(id)["status"] == "killed"


def test_a_question_that_was_open_when_the_sign_in_ended_can_be_answered_after_signing_in_again(yard: Console) -> None:
    mia = yard.people["mia"]
    id = mia.submit("true", "undecided", device_type="none-such", devices=1)
    with yard.visit("mia", "/jobs", faults=(REFUSED,)) as page:
        page.get_by_role("row", name="undecided").get_by_role("button", name="kill undecided").click()
        question = page.get_by_role("dialog", name="undecided")
        expect(question).to_be_visible()
        page.context.clear_cookies()
        mia.submit("true", "news", device_type="none-such", devices=1)  # the page asks for the list again
        sign_in_again(page)
        question.get_by_role("button", name="kill").click()
        expect(page.get_by_role("row", name="undecided")).to_contain_text("killed")
    assert yard.yard.job(id)["status"] == "killed"


def test_another_origin_can_not_frame_the_console(yard: Console) -> None:
    frame = f"<title>framing</title><iframe src='{yard.yard.url}/sign-in'></iframe>"
    with page_of_a_stranger(frame) as url, yard.visit("mia", faults=("frame-ancestors",)) as page:
        page.goto(url)
        expect(page).to_have_title("framing")
        (framed,) = page.frames[1:]
        assert framed.url.startswith("chrome-error:")


ATTACK = """
<title>posting</title>
<form method=post enctype=text/plain action='URL/api/v1/jobs'>
  <input name='{"name":"forged","command":"true","x":"' value='"}'>
</form>
<script>
  const ask = (path, type) => fetch('URL/api/v1' + path, {
    method: 'POST', mode: 'no-cors', credentials: 'include', headers: {'content-type': type},
    body: JSON.stringify({name: 'forged', command: 'true'}),
  }).then(() => 'opaque', () => 'refused')
  Promise.all([ask('/jobs', 'text/plain'), ask('/jobs', 'application/json'), ask('/auth/session', 'text/plain')])
    .then(() => document.forms[0].submit())
</script>
"""


def test_another_origin_can_not_post_in_ones_name(yard: Console) -> None:
    with (
        page_of_a_stranger(ATTACK.replace("URL", yard.yard.url)) as url,
        yard.visit("mia", faults=("403", "NotSameOrigin")) as page,
    ):
        failed: list[str] = []
        page.on("requestfailed", lambda asked: failed.append(asked.method))
        page.goto(url)
        expect(page.locator("body")).to_have_text(re.compile(r'"status": ?403'))  # what became of the form
        assert failed.count("POST") == 3  # it could not read a word of what was answered
    assert yard.people["mia"].call("GET", "/jobs", 200, params={"q": "forged"})["items"] == []
