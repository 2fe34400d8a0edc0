"""docs/tables.md, made from the lists of tables and columns: `python -m rescore.tables.columns > docs/tables.md`."""

import sys

from rescore.tables.contracts import TABLES

_HEAD = """# The tables

Every column of every table that Rescore writes, in the folder of results. Made from
[columns.tsv](../workflow/src/rescore/tables/columns.tsv) and [tables.tsv](../workflow/src/rescore/tables/tables.tsv) by
`python -m rescore.tables.columns > docs/tables.md`; change these lists and run it again. A null is an undefined value,
never a zero. A unit or direction "of the metric" is that of the row's metric.
"""


def markdown() -> str:
    """Return the lists as a page of documentation, one section per table."""
    parts = [_HEAD]
    for name, table in TABLES.items():
        parts.append(f"\n## `{name}`\n\n`{table.file}`, written by `rescore {table.written_by}`: {table.holds}. ")
        parts.append(f"One row per {table.row}.\n\n| column | type | unit | direction | holds |\n")
        parts.append("| --- | --- | --- | --- | --- |\n")
        for column, told in table.described.items():
            kind = f"{told.kind}, may be null" if told.nullable else str(told.kind)
            parts.append(f"| `{column}` | {kind} | {told.unit} | {told.direction} | {told.meaning} |\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(markdown())
