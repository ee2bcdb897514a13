"""Chromium without a screen, for pages that only a browser can show to work."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright

from tests.support.programs import found

OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
)
PATIENT_MS = 180_000
"""JupyterLab on a loaded machine."""


@asynccontextmanager
async def page() -> AsyncIterator[Page]:
    """A page of a browser that knows nothing yet; call `needs("chromium")` first."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found("chromium"), args=list(OPTIONS))
        try:
            opened = await browser.new_page()
            opened.set_default_timeout(PATIENT_MS)
            opened.set_default_navigation_timeout(PATIENT_MS)
            yield opened
        finally:
            await browser.close()
