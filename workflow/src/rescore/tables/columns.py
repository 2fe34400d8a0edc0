"""What every column of every table holds: one list, which the report's headings and docs/tables.md are made from.

`python -m rescore.tables.columns > docs/tables.md` makes the page anew.
"""

import csv
import functools
import sys
from collections.abc import Mapping
from typing import NamedTuple

from rescore.tables.validation import SCHEMAS

COLUMNS = SCHEMAS / "columns.tsv"

_HEAD = """# The tables

Every column of every table that Rescore writes. Made from [columns.tsv](../workflow/schemas/columns.tsv) by
`python -m rescore.tables.columns > docs/tables.md`; change that list and run it again. The README says
[where the tables are](../README.md#the-result-tables). A null is an undefined value, never a zero. A unit or direction
"of the metric" is that of the row's metric.
"""


class Column(NamedTuple):
    """What a column holds: its unit, which way is better (or what a small or large value says), its meaning."""

    unit: str
    direction: str
    meaning: str

    def __str__(self) -> str:
        """One line for readers."""
        return "; ".join(part for part in (self.meaning, self.unit, self.direction) if part)


@functools.cache
def columns() -> Mapping[str, Mapping[str, Column]]:
    """Read the list: by table, by column; under the empty name, what a row of the table is.

    >>> columns()["curves"]["compute_flops"].unit, columns()["curves"][""].meaning
    ('FLOPs', 'model, subtask and metric')
    """
    found: dict[str, dict[str, Column]] = {}
    with COLUMNS.open(encoding="utf-8", newline="") as file:
        for table, column, *rest in list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]:
            found.setdefault(table, {})[column] = Column(*rest)
    return found


def markdown() -> str:
    """Return the list as a page of documentation, a section a table."""
    parts = [_HEAD]
    for table, described in columns().items():
        rows = [
            f"| `{name}` | {column.unit} | {column.direction} | {column.meaning} |"
            for name, column in described.items()
            if name
        ]
        heading = f"\n## `{table}`\n\nOne row per {described[''].meaning}.\n"
        head = ["| column | unit | direction | holds |", "| --- | --- | --- | --- |"]
        parts.append("\n".join([heading, *head, *rows, ""]))
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(markdown())
