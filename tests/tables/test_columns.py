"""Every column of every table is documented, once, and the page made from the list is current."""

from pathlib import Path

import pytest

from rescore import tables as schema
from rescore.tables import METRICS, Table
from rescore.tables.columns import COLUMNS, columns, markdown

TABLES = {table.name: table for table in vars(schema).values() if isinstance(table, Table)}
PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_of_a_contract_is_documented_in_its_order(table: Table) -> None:
    described = columns().get(table.name, {})
    assert list(described) == ["", *table.columns]
    assert all(column.meaning for column in described.values())


def test_nothing_else_is_documented_and_nothing_twice() -> None:
    assert set(columns()) == set(TABLES)
    lines = COLUMNS.read_text(encoding="utf-8").splitlines()
    assert {line.count("\t") for line in lines} == {4}
    assert len(lines) == 1 + sum(len(described) for described in columns().values())


def test_units_in_names_are_the_documented_ones() -> None:
    ends = {
        "_nats": "nats",
        "log10_compute_flops": "log10 FLOPs",
        "compute_flops": "FLOPs",
        "_log10_x": "log10 of `axis`",
    }
    seen = 0
    for table, described in columns().items():
        for name, column in described.items():
            end = next((end for end in ends if name.endswith(end)), None)
            if end is not None:
                assert column.unit == ends[end], f"{table}.{name}"
                seen += 1
    assert seen >= len(ends)


def test_the_fates_are_those_of_the_soft_metrics() -> None:
    fates = [name for name in columns()["cliffs"] if name.startswith("under_")]
    assert all(name.removeprefix("under_") in METRICS for name in fates)


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "python -m rescore.tables.columns > docs/tables.md"
