"""What holds of every page, dialog and menu of the console, in both languages, light, dark and on a phone.

The pictures that this run takes lie in build/screenshots.
"""

from collections.abc import Iterator

import pytest

from tests.support.axe import CONTRAST, grave_violations
from tests.support.console import PHONE, Console, console
from tests.support.console_jobs import MARKUP, hostile, in_each_status
from tests.support.console_looks import DARK, LOOKS, SMALL, Look, looked_at, sideways
from tests.support.platform import CHECKOUT
from tests.support.programs import needs

needs("chromium")

PICTURES = CHECKOUT / "build" / "screenshots"
HOSTILE = PICTURES / "hostile"
each_look = pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)


@pytest.fixture(scope="module")
def yard() -> Iterator[Console]:
    HOSTILE.mkdir(parents=True, exist_ok=True)
    with console() as running:
        yield running


@pytest.fixture(scope="module")
def jobs(yard: Console) -> dict[str, str]:
    return in_each_status(yard.yard, yard.people["mia"])


@each_look
def test_everybody_can_use_it_and_it_fits_a_phone(yard: Console, jobs: dict[str, str], look: Look) -> None:
    for way, page in looked_at(yard, look, jobs, "en", PICTURES):
        if way is SMALL:
            assert sideways(page) == []
        else:
            assert grave_violations(page, *(CONTRAST if way is DARK else ())) == []


@each_look
def test_it_can_be_read_in_chinese(yard: Console, jobs: dict[str, str], look: Look) -> None:
    for way, page in looked_at(yard, look, jobs, "zh", PICTURES):
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        if way is SMALL:
            assert sideways(page) == []


# --- the last tests of the file: from here on the lists are full of it


@pytest.fixture(scope="module")
def attack(yard: Console, jobs: dict[str, str]) -> dict[str, str]:
    """The same ids, of jobs whose every text is hostile."""
    attacks = hostile(yard.yard, yard.people["mia"])
    return {status: attacks.get(status, attacks["error"]) for status in jobs}


@pytest.mark.parametrize("look", [look for look in LOOKS if look.of_jobs], ids=lambda look: look.name)
def test_hostile_text_is_only_text_and_breaks_no_layout(yard: Console, attack: dict[str, str], look: Look) -> None:
    for way, page in looked_at(yard, look, attack, "en", HOSTILE, (SMALL,)):
        assert page.viewport_size == {"width": PHONE, "height": way.height}
        assert page.locator("img[src=x], main script, a[href^='javascript']").count() == 0
        assert sideways(page) == []


@pytest.mark.parametrize("path", ["/jobs/{queued}", "/jobs/{failed}/console"])
def test_the_markup_of_commands_and_lines_is_shown_as_it_was_written(
    yard: Console, attack: dict[str, str], path: str
) -> None:
    with yard.visit("mia", path.format(**attack)) as page:
        page.get_by_text(MARKUP).first.wait_for()
        assert page.title() != "title"  # what one of the lines would have a terminal show
