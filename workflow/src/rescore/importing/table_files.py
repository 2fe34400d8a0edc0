"""Files of tables of results, to a frame of texts and numbers; and what is wrong with a file that cannot be read."""

import gzip
from csv import Error, reader
from pathlib import Path
from typing import IO

import polars as pl

from rescore.importing.wide_tables import ERROR
from rescore.tables import InputError

_NULLS = ["", "NA", "N/A", "n/a", "-", "–", "—", "null", "None"]


def read_table(path: Path, *, percent: bool = False) -> pl.DataFrame:
    """Read a table: .parquet, .tsv or .tab; anything else is comma-separated. Text columns stay text.

    A number with the sign % keeps it, unless all scores will be divided by 100, being in `percent`.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; give one table")
    try:
        if path.suffix == ".parquet":
            plain = [column for column in pl.read_parquet(path) if not column.dtype.is_nested()]
            plain = [column.cast(pl.Int8) if column.dtype == pl.Boolean else column for column in plain]
            table = pl.DataFrame([c if c.dtype.is_numeric() else c.cast(pl.String) for c in plain])
            return _bare(table, percent=percent)
        table = pl.read_csv(path, separator=_separator(path), infer_schema=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        first, *_ = str(error).split("\n")
        raise InputError(f"{path}: {_separated(path) or f'no table that can be read ({first})'}") from error
    if table.width == 1 and (problem := _separated(path)):
        raise InputError(f"{path}: {problem}")
    table = table.with_columns(pl.all().str.strip_chars().replace(_NULLS, None))
    names = dict(zip(table.columns, _header(path), strict=False))  # polars calls a second `score` `score_duplicated_0`
    table = table.drop(c for c, name in names.items() if not name and table[c].null_count() == table.height)
    named = [names[column] for column in table.columns if column in names]
    if twins := [name for name in named if named.count(name) > 1]:
        raise InputError(f"{path}: two columns are called '{twins[0]}'; take one out, or rename it")
    return _bare(table, percent=percent)


def _separator(path: Path) -> str:
    return "\t" if path.name.removesuffix(".gz").endswith((".tsv", ".tab")) else ","


def _open(path: Path) -> IO[str]:
    return gzip.open(path, "rt", encoding="utf-8-sig") if path.suffix == ".gz" else path.open(encoding="utf-8-sig")


def _header(path: Path) -> list[str]:
    """Return the names of columns as they stand in the file, without white space around; none if they are no text."""
    try:
        with _open(path) as file:
            cells = next((cells for cells in reader(file, delimiter=_separator(path)) if cells), [])
    except (UnicodeDecodeError, Error):
        return []
    return [cell.strip() for cell in cells]


def _separated(path: Path) -> str | None:
    """Say of a file of text what is wrong with its separators: other ones, or more of them in a row than in the header.

    None where that is not so, or the file is no text.
    """
    own = _separator(path)
    try:
        with _open(path) as file:
            rows = enumerate(reader(file, delimiter=own), start=1)
            _, header = next(rows)
            for sign, word in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
                if len(header) == 1 and sign != own and sign in header[0]:
                    mend = "tabs" if own == "\t" else "commas, or by tabs in a file named .tsv"
                    return f"row 1: cells look separated by {word}; separate them by {mend}"
            for number, cells in rows:
                if len(cells) > len(header):
                    return (
                        f"row {number}: {len(cells)} cells, but the header has {len(header)}; numbers have a decimal "
                        "point, and a cell that holds the separator stands in double quotes"
                    )
    except (OSError, EOFError, UnicodeDecodeError, StopIteration, Error):
        return None
    return None


def _bare(table: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Take numbers out of their dress, `**25.1%**` or `25.1 ± 0.4`, of which the second is the standard error.

    What is left of a number is its text, with the sign % behind it where the cell has one and scores are not `percent`.
    """
    for column in table.select(pl.col(pl.String)).columns:
        parts = table[column].str.extract_groups(r"^\**\s*(-?[\d.]+)\s*%?\s*(?:(?:±|\+/-)\s*([\d.]+)\s*%?)?\s*\**$")
        signed = table[column].str.contains("%", literal=True) & (not percent)
        number, error = (
            pl.select(pl.when(signed).then(part + "%").otherwise(part)).to_series()
            for part in (parts.struct.field("1"), parts.struct.field("2"))
        )
        if number.null_count() == table[column].null_count():
            table = table.with_columns(number.alias(column))
            if error.null_count() < len(error) and f"{column}{ERROR}" not in table.columns:
                table = table.with_columns(error.alias(f"{column}{ERROR}"))
    return table
