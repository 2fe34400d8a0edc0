"""The fixtures of the report's tests."""

import shutil
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, sync_playwright
from report_tables import make_tables


@pytest.fixture
def tables() -> SimpleNamespace:
    return make_tables()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        yield browser
        browser.close()
