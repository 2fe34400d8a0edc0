"""Any table of results: a row per model, task and metric, a row per example, or a column per metric or task."""

import gzip
import re
from collections.abc import Mapping
from csv import Error, reader
from dataclasses import dataclass, fields, replace
from pathlib import Path
from shlex import quote
from typing import Any

import polars as pl

from rescore.importing.finish import Options, Written, finish
from rescore.importing.kinds import chance
from rescore.importing.names import ACCURACY, NORMALISED, spelled
from rescore.importing.renames import read_renames
from rescore.importing.tidy import CHOICES, FOUND, ITEMS, Collected, Schema, frame, stack
from rescore.importing.wide_tables import ERROR, ROW, all_numbers, from_metrics, from_tasks
from rescore.tables import InputError, some

_NULLS = ["", "NA", "N/A", "n/a", "-", "–", "—", "null", "None"]
_NUMBERS: Schema = {"score": pl.Float64, "stderr": pl.Float64, "n": pl.Int64, "chance": pl.Float64, "shots": pl.Int64}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which of the table's columns hold what; a column that is not named is the one called as the field, if any."""

    model: str | None = None
    task: str | None = None
    subtask: str | None = None
    metric: str | None = None
    score: str | None = None
    stderr: str | None = None
    n: str | None = None  # a column, a number of questions for all tasks, or `task=number` by commas
    chance: str | None = None
    shots: str | None = None
    example: str | None = None
    metric_name: str | None = None  # the metric of all scores; without a column of scores each column is a task


_CALLED = {  # what columns are called, beside the names of the options
    "model": ("model_name",),
    "task": ("benchmark", "dataset"),
    "score": ("value",),
    "stderr": ("standard_error", "std_err", "se"),
    "n": ("n_samples", "num_samples"),
    "shots": ("n_shot", "n_shots", "num_fewshot", "fewshot"),
    "example": ("example_id",),
}


def csv(path: Path, columns: Columns, options: Options) -> Written:
    """Import a table of results; raises InputError with file and row of what cannot be used."""
    collected = found(read_table(path, percent=options.percent), columns, where=str(path))
    return finish(collected, read_renames(options.rename), options, source=str(path), tool="csv")


def read_table(path: Path, *, percent: bool = False) -> pl.DataFrame:
    """Read a table: .parquet, .tsv or .tab; anything else is comma-separated. Text columns stay text.

    A number with the sign % is divided by 100, unless all scores will be, being in `percent`.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; give one table")
    try:
        if path.suffix == ".parquet":
            plain = [column for column in pl.read_parquet(path) if not column.dtype.is_nested()]
            plain = [column.cast(pl.Int8) if column.dtype == pl.Boolean else column for column in plain]
            return pl.DataFrame([c if c.dtype.is_numeric() else c.cast(pl.String) for c in plain])
        separator = "\t" if path.name.removesuffix(".gz").endswith((".tsv", ".tab")) else ","
        table = pl.read_csv(path, separator=separator, infer_schema=False)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        first, *_ = str(error).split("\n")
        raise InputError(f"{path}: {_separated(path) or f'no table that can be read ({first})'}") from error
    if table.width == 1 and (problem := _separated(path)):
        raise InputError(f"{path}: {problem}")
    for column in table.columns:
        if twin := re.fullmatch(r"(.*)_duplicated_\d+", column):  # as polars calls the second of one name
            raise InputError(f"{path}: two columns are called '{twin[1]}'; take one out")
    return _bare(table.with_columns(pl.all().str.strip_chars().replace(_NULLS, None)), percent=percent)


def _separated(path: Path) -> str | None:
    """Say of a file of text what is wrong with its separators: other ones, or more of them in a row than in the header.

    None where that is not so, or the file is no text.
    """
    packed = path.suffix == ".gz"
    own = "\t" if path.name.removesuffix(".gz").endswith((".tsv", ".tab")) else ","
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig") if packed else path.open(encoding="utf-8-sig") as file:
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
    """Take numbers out of their dress, `**25.1%**` or `25.1 ± 0.4`, of which the second is the standard error."""
    for column in table.columns:
        parts = table[column].str.extract_groups(r"^\**\s*(-?[\d.]+)\s*%?\s*(?:(?:±|\+/-)\s*([\d.]+)\s*%?)?\s*\**$")
        signed = table[column].str.contains("%", literal=True) & (not percent)
        number, error = (
            pl.select(pl.when(signed).then(part.cast(pl.Float64, strict=False) / 100).otherwise(part)).to_series()
            for part in (parts.struct.field("1"), parts.struct.field("2"))
        )
        if number.null_count() == table[column].null_count():
            table = table.with_columns(number.alias(column))
            if error.null_count() < len(error) and f"{column}{ERROR}" not in table.columns:
                table = table.with_columns(error.alias(f"{column}{ERROR}"))
    return table


def found(table: pl.DataFrame, columns: Columns, *, where: str) -> Collected:
    """Bring a table to FOUND, or to ITEMS where it has a column of examples.

    A row's place is `where`, the file's name, and its number, the first after a header being 2. Rows without a score
    are left out of FOUND; in ITEMS they have a reason.
    """
    columns, counts = _counts(columns, table, where)
    given = _given(columns, table, where)
    filled = table.with_row_index(ROW, offset=2).filter(pl.any_horizontal(pl.col(table.columns).is_not_null()))
    long, notes = _long(filled, columns, given, where)
    long = _typed(long.with_columns(where=pl.format("{}: row {}", pl.lit(where), ROW)))
    if unknown := sorted({*counts} - {"", *long["task"]}):
        raise InputError(f"{where}: --n: '{unknown[0]}' is no task of the table")
    empty = long.filter(pl.col("score").is_null()).select(pl.format("{} ({}, {}, {})", *_OF_A_ROW)).to_series()
    if len(empty):
        so = "a null with that reason" if "example" in given else "passed over"
        notes = [*notes, f"no score, so {so}: {some(empty)}"]
    if "example" in given:
        return Collected(frame([], FOUND), _items(long), frame([], CHOICES), notes)
    return Collected(_means(long, counts), frame([], ITEMS), frame([], CHOICES), notes)


_OF_A_ROW = ("where", "model", "task", "metric")


def _counts(columns: Columns, table: pl.DataFrame, where: str) -> tuple[Columns, Mapping[str, int]]:
    """Read `--n` as numbers of questions by task, "" being every task; or leave it as the column that it is."""
    if columns.n is None or columns.n in table.columns:
        return columns, {}
    pairs = [part.rpartition("=") for part in columns.n.split(",")]
    if not all(re.fullmatch(r"\s*[0-9]{1,18}\s*", number) for *_, number in pairs):
        raise InputError(f"{where}: --n: '{columns.n}' is no column, no number, and not like MMLU=14042,ARC-C=1172")
    return replace(columns, n=None), {task.strip(): int(number) for task, _, number in pairs}


def _given(columns: Columns, table: pl.DataFrame, where: str) -> dict[str, str]:
    """Find the column of each option: as named, else as the option is called."""
    given: dict[str, str] = {}
    plain = {re.sub(r"\W+", "_", column.strip().lower()): column for column in reversed(table.columns)}
    there = f"the table has {', '.join(table.columns)}"
    for option in (field.name for field in fields(columns) if field.name != "metric_name"):
        column = getattr(columns, option)
        if column is None:
            column = next((plain[name] for name in (option, *_CALLED.get(option, ())) if name in plain), None)
        elif column not in table.columns:
            raise InputError(f"{where}: --{option}: no column '{column}'; {there}")
        twin = next((o for o, c in given.items() if c == column), None)
        if twin:
            raise InputError(f"{where}: --{twin} and --{option} both name the column '{column}'")
        if column is not None:
            given[option] = column
    beside = f"{given.get('score')}{ERROR}"
    if beside in table.columns:
        given.setdefault("stderr", beside)
    if "model" not in given:
        raise InputError(
            f"{where}: --model: no column 'model'; {there}; name the one that holds the models, as in "
            f"`--model {quote(table.columns[0])}`"
        )
    return given


def _long(
    table: pl.DataFrame, columns: Columns, given: Mapping[str, str], where: str
) -> tuple[pl.DataFrame, list[str]]:
    """Bring a table to one row per score, its columns called as the options; say what was taken for what."""
    if "score" in given and "task" in given and ("metric" in given or columns.metric_name):
        long = table.select(ROW, *(pl.col(column).alias(option) for option, column in given.items()))
        return (long if "metric" in given else long.with_columns(metric=pl.lit(columns.metric_name))), []
    if "metric" in given or "score" in given or (columns.metric_name and "task" in given):
        raise InputError(
            f"{where}: give --task, --metric and --score; or, where a metric is a column, neither of the last two; "
            "or, where all scores are of one metric, --metric-name"
        )
    if columns.metric_name:
        return from_tasks(table, given, columns.metric_name, where)
    return from_metrics(table, given, where), []


def _typed(long: pl.DataFrame) -> pl.DataFrame:
    """Check names and numbers, and add the columns that the table lacks."""
    for column in ("model", "task", "metric", "example"):
        if column in long.columns and (empty := long.filter(pl.col(column).is_null())).height:
            raise InputError(f"{empty['where'][0]}: no {column}")
    for column, kind in _NUMBERS.items():
        absent = pl.lit(None, kind).alias(column)
        long = long.with_columns(_number(long, column, kind) if column in long.columns else absent)
    for column in ("model", "task", "metric"):  # models and tasks may be called by whole numbers
        names = long[column]
        if all_numbers(names) and (column == "metric" or names.cast(pl.String).str.contains(".", literal=True).all()):
            raise InputError(
                f"{long['where'][0]}: {column} '{names[0]}' is a number; give --{column} a column of names"
            )
    spellings = {name: spelled(str(name)) for name in long["metric"].unique()}
    return long.with_columns(
        *(pl.col(c).cast(pl.String) for c in ("model", "task")),
        subtask=pl.col("subtask").cast(pl.String) if "subtask" in long.columns else pl.lit(None, pl.String),
        metric=pl.col("metric").cast(pl.String).replace(spellings),
    )


def _number(long: pl.DataFrame, column: str, kind: Any) -> pl.Series:
    given = long[column]
    if given.dtype == pl.String:
        given = given.replace({"True": "1", "False": "0"})
    cast = given.cast(pl.Float64, strict=False)
    numbers = cast.cast(kind, strict=False)
    bad = long.filter((numbers.is_null() | (numbers.cast(pl.Float64) != cast)) & given.is_not_null())
    if bad.height:
        whole = "whole " if kind is pl.Int64 else ""
        decimal = "; write a decimal point" if re.fullmatch(r"-?\d+,\d+", str(bad[column][0])) else ""
        raise InputError(f"{bad['where'][0]}: {column} '{bad[column][0]}' is no {whole}number{decimal}")
    return numbers


_PLACE = ("where", "model", "task", "subtask", "shots")  # a table names no run, date or kind of task


def _means(long: pl.DataFrame, counts: Mapping[str, int]) -> pl.DataFrame:
    of_task = pl.col("task").replace_strict(dict(counts), default=counts.get(""), return_dtype=pl.Int64)
    known = {task: chance(task) for task in long["task"].unique()}
    of_choices = pl.when(pl.col("metric").is_in([*ACCURACY, *NORMALISED])).then(
        pl.col("task").replace_strict(known, return_dtype=pl.Float64)
    )
    rows = long.drop_nulls("score").select(
        *_PLACE,
        limited=False,
        metric="metric",
        value="score",
        standard_error="stderr",
        n=pl.coalesce("n", of_task) if counts else pl.col("n"),
        chance=pl.coalesce("chance", of_choices),
    )
    return stack([rows], FOUND)


def _items(long: pl.DataFrame) -> pl.DataFrame:
    """Number the examples of each task by name, the same for every model."""
    rows = long.select(
        *_PLACE,
        limited=False,
        example_id=pl.col("example").cast(pl.String).rank("dense").over("task").cast(pl.Int64) - 1,
        metric="metric",
        value="score",
        reason=pl.when(pl.col("score").is_null()).then(pl.lit("the table has no score")),
    )
    return stack([rows], ITEMS)
