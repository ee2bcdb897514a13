"""The console in a browser: a platform with people, Chromium, and pages that fail a test by what they complain of.

A page is opened signed in, by the cookie that the session API gave; nobody types a password but the tests of that.
Whatever a page or its worker says on the browser's console is a fault: an error, a refusal by the content security
policy, a request that failed. A test that provokes one says so in `faults`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, WebError, expect, sync_playwright

from tests.support.browser import OPTIONS
from tests.support.people import PASSWORD, Person, add, admin
from tests.support.platform import Platform, platform
from tests.support.programs import found

SIMULATED = "v100=8,ascend910=8"
PATIENT_MS = 120_000
"""For one step on a loaded machine."""
PHONE = 390
SIGNED_OUT = "401 (Unauthorized)"
"""What Chromium notes of the question who one is, while one is nobody."""

Language = Literal["en", "zh"]
Theme = Literal["light", "dark"]
LOCALES = {"en": "en-GB", "zh": "zh-CN"}

expect.set_options(timeout=PATIENT_MS)


@dataclass
class Console:
    """A running platform that serves the console, and a browser. Call `needs("chromium")` first."""

    yard: Platform
    browser: Browser
    people: dict[str, Person]
    _cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self, context: BrowserContext, name: str) -> None:
        """By the session API, as the sign-in page does it: every page of this context is this person's."""
        if not self._counts(self._cookies.get(name)):
            body = {"username": name, "password": self.password(name)}
            answer = httpx.post(f"{self.yard.url}/api/v1/auth/session", json=body, trust_env=False)
            assert answer.status_code == 200, answer.text
            self._cookies[name] = answer.cookies["jobyard_session"]
        cookie = {"name": "jobyard_session", "value": self._cookies[name], "url": self.yard.url}
        context.add_cookies([{**cookie, "httpOnly": True, "sameSite": "Strict"}])  # type: ignore[typeddict-item]

    def _counts(self, cookie: str | None) -> bool:
        """Whether it is there, and no test has signed out with it."""
        if cookie is None:
            return False
        headers = {"Cookie": f"jobyard_session={cookie}"}
        return httpx.get(f"{self.yard.url}/api/v1/me", headers=headers, trust_env=False).status_code == 200

    def password(self, name: str) -> str:
        return (self.yard.data / "admin-password").read_text().strip() if name == "admin" else PASSWORD

    @contextmanager
    def visit(
        self,
        name: str | None,
        path: str = "/jobs",
        *,
        language: Language = "en",
        theme: Theme = "light",
        width: int = 1280,
        height: int = 800,
        still: bool = False,
        faults: tuple[str, ...] = (),
    ) -> Iterator[Page]:
        """A page at this address, as this person sees it; None is nobody. `still`: reduced motion.

        Fails for whatever goes wrong in any page of this browser context, but for messages that contain one of
        `faults`.
        """
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale=LOCALES[language],
            timezone_id="Asia/Shanghai",
            color_scheme=theme,
            reduced_motion="reduce" if still else "no-preference",
            has_touch=width <= PHONE,
        )
        context.set_default_timeout(PATIENT_MS)
        allowed = faults if name else (*faults, SIGNED_OUT)
        said: list[str] = []
        context.on("console", lambda message: said.extend(_complaint(message, self.yard.url)))
        context.on("weberror", lambda error: said.append(_told(error)))
        context.on("dialog", lambda dialog: said.append(_dismissed(dialog)))
        try:
            if name is not None:
                self.sign_in(context, name)
            page = context.new_page()
            page.goto(f"{self.yard.url}{path}")
            yield page
        except Exception as error:
            error.add_note(f"At {page.url} the browser said {said}" if context.pages else f"The browser said {said}")
            raise
        finally:
            context.close()
        wrong = [text for text in said if not any(part in text for part in allowed)]
        assert not wrong, f"{path} for {name}: {wrong}"


def _complaint(message: ConsoleMessage, ours: str) -> list[str]:
    """What a page of ours holds against itself; a job's Jupyter may say what it likes."""
    here = str(message.location.get("url", ""))
    if message.type not in ("error", "warning") or (here and not here.startswith(f"{ours}/")):
        return []
    return [f"{message.type}: {message.text} ({here})"]


def _told(error: WebError) -> str:
    return f"error: {error.error}"


def _dismissed(dialog: Dialog) -> str:
    """No page of ours opens one: whoever did is somebody's text."""
    dialog.dismiss()
    return f"{dialog.type}: {dialog.message}"


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found("chromium"), args=list(OPTIONS))
        try:
            yield browser
        finally:
            browser.close()


def populated(yard: Platform) -> dict[str, Person]:
    """A member (mia), an administrator of the VC `default` (vera), one of the platform (admin), and somebody of another
    VC (otto), where mia is a member too.
    """
    root = admin(yard)
    root.call("POST", "/vcs", 201, json={"name": "vision"})
    people = {
        "mia": add(yard, "mia", {"default": "member", "vision": "member"}, email="mia@example.org"),
        "vera": add(yard, "vera", {"default": "admin"}, email="vera@example.org"),
        "otto": add(yard, "otto", {"vision": "member"}),
    }
    return {"admin": root, **people}


@contextmanager
def console(simulate: str | None = SIMULATED, **environment: str) -> Iterator[Console]:
    """A platform of its own with people, simulated devices and a browser: one for a file of tests."""
    with platform(simulate, **environment) as yard, chromium() as browser:
        yield Console(yard, browser, populated(yard))
