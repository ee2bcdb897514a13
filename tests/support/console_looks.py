"""Every page of the console, with its dialogs and menus: one table, for all that has to hold of each of them.

What brings a page to a look names nothing in a language: each look is taken in both.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.support.console import PHONE, Console, Language

Reach = Callable[[Page], None]


def _as_it_comes(page: Page) -> None:
    """Nothing is opened."""


def _account_menu(page: Page) -> None:
    page.locator("header button[aria-haspopup=menu]").click()
    page.get_by_role("menu").wait_for()


def _pressed(*names: str) -> Reach:
    """The first button with this name in one of the languages was pressed, and opened something."""
    name = re.compile("|".join(names))

    def reach(page: Page) -> None:
        page.locator("main").get_by_role("button", name=name).first.click()
        page.locator("[role=dialog], [role=menu]").first.wait_for()

    return reach


def _accepted(page: Page) -> None:
    """The gateway has looked at what the form holds."""
    page.get_by_text(re.compile("It would be accepted|可以提交")).wait_for()


def _two_selected(page: Page) -> None:
    for box in page.locator("tbody input[type=checkbox]").all()[:2]:
        box.check()
    page.get_by_role("toolbar").wait_for()


@dataclass(frozen=True)
class Look:
    """A page as somebody sees it. The path may name ids: `{failed}` is that of a job that has failed."""

    name: str
    path: str
    who: str | None = "mia"
    reach: Reach = _as_it_comes
    faults: tuple[str, ...] = ()
    """What the browser may note meanwhile, as of a form that the gateway refuses while it is filled in."""

    def at(self, ids: Mapping[str, str]) -> str:
        return self.path.format(**ids)

    @property
    def of_jobs(self) -> bool:
        """Whether it shows what people wrote into their jobs."""
        return self.path.startswith(("/jobs", "/all", "/admin/support", "/cluster", "/submit")) and self.who != "otto"


LOOKS = (
    Look("sign-in", "/sign-in", who=None),
    Look("not-found", "/no/such/page"),
    Look("my-jobs", "/jobs"),
    Look("my-jobs-none", "/jobs", who="otto"),
    Look("my-jobs-filter", "/jobs", reach=_pressed("Filter", "筛选")),
    Look("my-jobs-columns", "/jobs", reach=_pressed("Columns", "显示的列")),
    Look("my-jobs-selected", "/jobs", reach=_two_selected),
    Look("my-jobs-kill", "/jobs", reach=_pressed("^kill ")),
    Look("my-jobs-support", "/jobs", reach=_pressed("^support ")),
    Look("all-jobs", "/all", who="vera"),
    Look("account-menu", "/all", who="admin", reach=_account_menu),
    Look("job-brief", "/jobs/{running}"),
    Look("job-brief-queued", "/jobs/{queued}"),
    Look("job-brief-failed", "/jobs/{failed}"),
    Look("job-pause", "/jobs/{running}", reach=_pressed("^pause")),
    Look("job-endpoints", "/jobs/{running}/endpoints"),
    Look("job-metrics", "/jobs/{running}/metrics"),
    Look("job-metrics-none", "/jobs/{queued}/metrics"),
    Look("job-console", "/jobs/{failed}/console"),
    Look("job-console-none", "/jobs/{queued}/console"),
    Look("submit", "/submit", faults=("status of 422",)),
    Look("submit-clone", "/submit?clone={queued}", reach=_accepted, faults=("status of 422",)),
    Look("cluster", "/cluster"),
    Look("cluster-admin", "/cluster", who="admin"),
    Look("account", "/account"),
    Look("account-key", "/account", reach=_pressed("Add a public key", "添加公钥")),
    Look("account-token", "/account", reach=_pressed("New token", "创建令牌")),
    Look("admin-users", "/admin/users", who="admin"),
    Look("admin-users-new", "/admin/users", who="admin", reach=_pressed("New user", "新建用户")),
    Look("admin-vcs", "/admin/vcs", who="admin"),
    Look("admin-vcs-new", "/admin/vcs", who="admin", reach=_pressed("virtual cluster", "新建虚拟集群")),
    Look("admin-support", "/admin/support", who="admin"),
    Look("admin-audit", "/admin/audit", who="admin"),
)


@dataclass(frozen=True)
class Way:
    """In which way a page is shown."""

    name: str
    theme: str
    width: int
    height: int


LIGHT, DARK, SMALL = (
    Way("light", "light", 1280, 800),
    Way("dark", "dark", 1280, 800),
    Way("phone", "light", PHONE, 844),
)
WAYS = (LIGHT, DARK, SMALL)


def looked_at(
    console: Console,
    look: Look,
    ids: Mapping[str, str],
    language: Language,
    pictures: Path,
    ways: tuple[Way, ...] = WAYS,
) -> Iterator[tuple[Way, Page]]:
    """The page in each of these ways, one after the other, with a picture of each; it is loaded once."""
    with console.visit(look.who, look.at(ids), language=language, still=True, faults=look.faults) as page:
        settle(page)
        look.reach(page)
        for way in ways:
            page.set_viewport_size({"width": way.width, "height": way.height})
            page.emulate_media(color_scheme="dark" if way.theme == "dark" else "light")
            settle(page)
            page.screenshot(path=pictures / f"{look.name}-{language}-{way.name}.png", animations="disabled")
            yield way, page


def settle(page: Page) -> None:
    """Until nothing of it is still being fetched."""
    expect(page.locator("main")).not_to_be_empty()
    expect(page.locator(".loading")).to_have_count(0)
    page.wait_for_function("document.fonts.status === 'loaded'")


def sideways(page: Page) -> list[str]:
    """What makes the page wider than its window."""
    found: list[str] = page.evaluate(
        """() => {
            const wide = (element) => element.scrollWidth > element.clientWidth + 1
            return [document.documentElement, ...document.querySelectorAll('main, [role=dialog]')]
                .filter(wide)
                .flatMap((box) => [box, ...box.querySelectorAll('*')].filter((element) =>
                    element.getBoundingClientRect().right > box.getBoundingClientRect().right + 1))
                .slice(0, 8).map((element) => element.outerHTML.slice(0, 160))
        }"""
    )
    return found
