"""The fixtures of the report's tests."""

import shutil
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from report_tables import make_tables

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def tables() -> SimpleNamespace:
    return make_tables()


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        yield browser
        browser.close()
