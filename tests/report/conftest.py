"""The fixture of the report's tests."""

from types import SimpleNamespace

import pytest
from report_tables import make_tables


@pytest.fixture
def tables() -> SimpleNamespace:
    return make_tables()
