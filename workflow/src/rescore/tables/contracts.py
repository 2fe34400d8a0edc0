"""The tables that Rescore writes. tables.tsv names them, columns.tsv their columns; all else reads these lists."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl


def read_list(name: str) -> list[dict[str, str]]:
    """Read a list beside this file, such as tables.tsv: one mapping from column to cell per row."""
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


_KINDS: dict[str, pl.DataType] = {
    kind.__name__: kind() for kind in (pl.String, pl.Boolean, pl.Int32, pl.Int64, pl.Float32, pl.Float64)
}


class Column(NamedTuple):
    """What a column holds; unit, direction and meaning are for readers."""

    kind: pl.DataType
    nullable: bool
    shown: bool  # by `rescore show`, if no columns are asked for
    unit: str
    direction: str  # which way is better, or what a small or large value says
    meaning: str

    def __str__(self) -> str:
        """One line for readers."""
        return "; ".join(part for part in (self.meaning, self.unit, self.direction) if part)


@dataclass(frozen=True)
class Table:
    """A table's name, its columns in order, and which of them may hold nulls."""

    name: str
    columns: Mapping[str, pl.DataType | type[pl.DataType]]
    nullable: frozenset[str] = frozenset()
    file: str = ""  # in the folder of results; `{task}` and `{model}` stand for names
    written_by: str = ""  # a subcommand
    row: str = ""  # what one row is of, and
    holds: str = ""  # what the table says; for readers
    described: Mapping[str, Column] = field(default_factory=dict)

    def empty(self) -> pl.DataFrame:
        """Return the table without a row."""
        return pl.DataFrame(schema=dict(self.columns))


def _kind(name: str) -> pl.DataType:
    inner = name.removeprefix("List(").removesuffix(")")
    return _KINDS[name] if name == inner else pl.List(_KINDS[inner])


def _tables() -> dict[str, Table]:
    columns: dict[str, dict[str, Column]] = {}
    for row in read_list("columns.tsv"):
        words = row["unit"], row["direction"], row["meaning"]
        told = Column(_kind(row["type"]), row["null"] == "null", row["shown"] == "shown", *words)
        columns.setdefault(row["table"], {})[row["column"]] = told
    return {
        row["table"]: Table(
            name=row["table"],
            columns={column: told.kind for column, told in columns[row["table"]].items()},
            nullable=frozenset(column for column, told in columns[row["table"]].items() if told.nullable),
            file=row["file"],
            written_by=row["written_by"],
            row=row["row"],
            holds=row["holds"],
            described=columns[row["table"]],
        )
        for row in read_list("tables.tsv")
    }


TABLES: Mapping[str, Table] = _tables()
"""By name, every table there is."""
