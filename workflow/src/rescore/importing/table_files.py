"""Files of tables of results, to a frame of texts and numbers; and what is wrong with a file that cannot be read."""

import codecs
import csv
import gzip
import io
import re
import zlib
from pathlib import Path

import polars as pl

from rescore.importing.wide_tables import ERROR
from rescore.tables import InputError

_NO_NAMES = ["", "NA", "N/A", "n/a", "#N/A", "-", "–", "—", "null", "NULL", "None"]  # `none` and `na` may be names
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_DRESSED = rf"^\**\s*({_NUMBER})\s*%?\s*(?:(?:±|\+/-)\s*({_NUMBER})\s*%?)?\s*\**$"
_OF_NUMBERS = r"^[-−+\d.,%±/*eE\s]+$"  # a cell of these characters alone holds no name
_THOUSANDS = r"^[-+]?\d{1,3}((,\d{3})+\.\d+|(,\d{3}){2,})$"  # 1,234 could be 1.234, these could not


def read_table(path: Path, *, percent: bool = False) -> pl.DataFrame:
    """Read a table: .parquet, or text in UTF-8 or UTF-16, plain or compressed by gzip. Text columns stay text.

    Cells are separated by commas, tabs, semicolons or bars. Beside semicolons a comma is a decimal point. A number with
    the sign % keeps it, unless all scores will be divided by 100, being in `percent`.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; give one table")
    try:
        return _bare(_of_parquet(path) if path.suffix == ".parquet" else _of_text(path), percent=percent)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        first, *_ = str(error).split("\n")
        raise InputError(f"{path}: no table that can be read ({first})") from error


def _of_parquet(path: Path) -> pl.DataFrame:
    plain = [column for column in pl.read_parquet(path) if not column.dtype.is_nested()]
    plain = [column.cast(pl.Int8) if column.dtype == pl.Boolean else column for column in plain]
    return pl.DataFrame([c if c.dtype.is_numeric() else _stripped(c.cast(pl.String)) for c in plain])


def _stripped(column: pl.Series) -> pl.Series:
    return column.str.strip_chars().replace("", None)


def _of_text(path: Path) -> pl.DataFrame:
    """Read cells as they stand; blank lines become rows of nulls, so that a row keeps its number."""
    text = _text(path)
    csv.field_size_limit(2**31 - 1)
    separator = _separator(text, own="\t" if path.name.removesuffix(".gz").endswith((".tsv", ".tab")) else ",")
    rows: list[list[str]] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InputError(f"{path}: row {len(rows) + 1}: {error}; a quote that opens a cell has to close it") from error
    at = next((at for at, cells in enumerate(rows) if any(map(str.strip, cells))), None)
    if at is None:
        raise InputError(f"{path}: the file is empty")
    header = [cell.strip() for cell in rows.pop(at)]
    for number, cells in enumerate(rows, start=2):
        if any(map(str.strip, cells[len(header) :])):
            raise InputError(
                f"{path}: row {number}: {len(cells)} cells, but the header has {len(header)}; numbers have a decimal "
                "point, and a cell that holds the separator stands in double quotes"
            )
        cells.extend([""] * (len(header) - len(cells)))
    columns = [(name, [cells[i] for cells in rows]) for i, name in enumerate(header)]
    named = [(name, cells) for name, cells in columns if name or any(map(str.strip, cells))]
    names = [name for name, _ in named]
    if twins := [name for name in names if names.count(name) > 1]:
        raise InputError(f"{path}: two columns are called '{twins[0]}'; take one out, or rename it")
    table = pl.DataFrame(dict(named), schema=dict.fromkeys(names, pl.String))
    table = table.with_columns(pl.all().str.strip_chars().replace(_NO_NAMES, None))
    if separator == ";":
        decimal = pl.all().str.replace_all(",", ".", literal=True)
        table = table.with_columns(pl.when(pl.all().str.contains(_OF_NUMBERS)).then(decimal).otherwise(pl.all()))
    return table


def _separator(text: str, *, own: str) -> str:
    """Take the separator that is in the header most often, of those that part every row as they part the header.

    `own` is that of the file's name, taken where the header has none.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub('"[^"]*"', "", first)
    there = [s for s in "\t;|," if s in bare]
    if len(there) > 1:
        there = [s for s in there if _parts_all(text, s)] or there
    return max(there, key=bare.count, default=own)


def _parts_all(text: str, separator: str) -> bool:
    """Whether every row has several cells, and no more than the header but for empty ones."""
    rows = [cells for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(cells)]
    return all(len(cells) > 1 and not any(map(str.strip, cells[len(rows[0]) :])) for cells in rows)


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(b"PK\x03\x04"):
        raise InputError(f"{path}: an archive or a workbook; give a table in it, unpacked or saved as .csv")
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}: row {row}: not UTF-8; save the table as UTF-8") from error


def _bare(table: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Take numbers out of their dress, `**25.1%**` or `25.1 ± 0.4`, of which the second is the standard error.

    What is left of a number is its text, with the sign % behind it where the cell has one and scores are not `percent`.
    """
    for column in table.select(pl.col(pl.String)).columns:
        cells = pl.col(column).str.replace("−", "-", literal=True)
        whole = cells.str.replace_all(",", "", literal=True)
        parts = pl.when(cells.str.contains(_THOUSANDS)).then(whole).otherwise(cells).str.extract_groups(_DRESSED)
        signed = cells.str.contains("%", literal=True) & (not percent)
        sign = pl.when(signed).then(pl.lit("%")).otherwise(pl.lit(""))
        error = f"{column}{ERROR}"
        if error not in table.columns and table.select(parts.struct.field("2").is_not_null().any()).item():
            table = table.with_columns((parts.struct.field("2") + sign).alias(error))
        table = table.with_columns(pl.coalesce(parts.struct.field("1") + sign, column).alias(column))
    return table
