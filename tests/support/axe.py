"""axe-core on a page: what keeps people with a screen reader, a keyboard or weak eyes from using it."""

from functools import cache
from typing import Any

from playwright.sync_api import Page

from tests.support.platform import CHECKOUT

SOURCE = CHECKOUT / "console" / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = ("serious", "critical")
CONTRAST = ("color-contrast",)


@cache
def _source() -> str:
    return SOURCE.read_text()


def grave_violations(page: Page, *rules: str) -> list[str]:
    """What is serious or critical, each with the elements that it is about; with `rules` only these are looked at."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(_source())
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    found = page.evaluate("options => axe.run(document, options).then(found => found.violations)", options)
    return [_told(violation) for violation in found if violation["impact"] in GRAVE]


def _told(violation: dict[str, Any]) -> str:
    nodes = [f"{node['html'][:200]} ({node['failureSummary']})" for node in violation["nodes"][:5]]
    return f"{violation['id']} ({violation['impact']}): {violation['help']}: {nodes}"
