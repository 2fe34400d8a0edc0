"""The lists of tables and columns agree with each other, with the metrics, the commands and the page made from them."""

from pathlib import Path

import polars as pl
import pytest

from rescore import cli
from rescore.tables import TABLES, Table
from rescore.tables.columns import markdown
from rescore.tables.metrics import SOFT_METRICS

LISTS = Path(cli.__file__).with_name("tables")
PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_says_what_it_is(table: Table) -> None:
    assert all((table.file, table.row, table.holds))
    assert all(column.meaning for column in table.described.values())
    shown = [name for name, column in table.described.items() if column.shown and name != "ladder"]
    assert 4 <= len(shown) <= 8
    commands = {command.callback.__name__ for command in cli.app.registered_commands}  # type: ignore[union-attr]
    assert table.written_by in commands | {"import"}


def test_no_line_is_lost_or_doubled() -> None:
    lines = (LISTS / "columns.tsv").read_text(encoding="utf-8").splitlines()
    assert {line.count("\t") for line in lines} == {7}
    assert len(lines) == 1 + sum(len(table.columns) for table in TABLES.values())
    assert len((LISTS / "tables.tsv").read_text(encoding="utf-8").splitlines()) == 1 + len(TABLES)


def test_types_and_nulls_are_read_from_the_list() -> None:
    assert TABLES["examples"].columns["target_scores"] == pl.List(pl.Float64)
    assert TABLES["extractions"].columns["token_ids"] == pl.List(pl.Int32)
    assert TABLES["cliffs"].columns["got_worse_first"] == pl.Boolean
    assert TABLES["scores"].nullable == {"score", "reason"}
    assert TABLES["seeds"].nullable == frozenset()


def test_units_in_names_are_the_documented_ones() -> None:
    ends = {
        "_nats": "nats",
        "log10_compute_flops": "log10 FLOPs",
        "compute_flops": "FLOPs",
        "_log10_x": "log10 of `axis`",
    }
    seen = 0
    for table in TABLES.values():
        for name, column in table.described.items():
            end = next((end for end in ends if name.endswith(end)), None)
            if end is not None:
                assert column.unit == ends[end], f"{table.name}.{name}"
                seen += 1
    assert seen >= len(ends)


def test_every_soft_metric_has_its_column_of_cliffs() -> None:
    fates = [name.removeprefix("under_") for name in TABLES["cliffs"].columns if name.startswith("under_")]
    assert fates == list(SOFT_METRICS)


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "python -m rescore.tables.columns > docs/tables.md"
