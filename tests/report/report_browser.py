"""A page in headless Chromium, read and used as a reader would; Playwright waits until what is looked for is there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")
expect.set_options(timeout=30_000)  # milliseconds: how long a machine busy with other tests may take to draw


@contextmanager
def browse(browser: Browser, source: str, folder: Path, *, fragment: str = "") -> Iterator[Page]:
    """Open a page written into `folder`.

    When done, nothing may have been logged (an error, or what the page's content security policy refused) and nothing
    but the page itself been asked for.
    """
    path = folder / "page.html"
    path.write_text(source, encoding="utf-8")
    context = browser.new_context(viewport={"width": 800, "height": 4000})
    page = context.new_page()
    logged: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: logged.append(message.text))
    page.on("pageerror", lambda error: logged.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    try:
        page.goto(path.as_uri() + fragment)
        yield page
        assert not logged, logged
        assert asked == [path.as_uri()], asked
    finally:
        context.close()


def texts(page: Page, selector: str) -> list[list[str]]:
    """Return the texts of the cells of each row that `selector` finds."""
    return [[cell.strip() for cell in row.locator("> *").all_text_contents()] for row in page.locator(selector).all()]
