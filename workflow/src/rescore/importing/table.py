"""Any table of results: a row per model, task and metric, a row per example, or a column per metric or task."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rescore.importing.kinds import chance
from rescore.importing.names import ACCURACY, NORMALISED, spelled
from rescore.importing.tidy import FOUND, ITEMS, Schema
from rescore.importing.wide_tables import ERROR, all_numbers, from_metrics, from_tasks
from rescore.tables import InputError

_NULLS = ["", "NA", "N/A", "n/a", "-", "–", "—", "null", "None"]
_NUMBERS: Schema = {"score": pl.Float64, "stderr": pl.Float64, "n": pl.Int64, "chance": pl.Float64, "shots": pl.Int64}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which of the table's columns hold what; a column that is not named is the one called as the field, if there is.

    Attributes
    ----------
    n
        A column, a number of questions for all tasks, or `task=number` by commas.
    metric_name
        The metric of all scores, where none of the columns says it. Without a column of scores a column is a task.
    """

    model: str | None = None
    task: str | None = None
    subtask: str | None = None
    metric: str | None = None
    score: str | None = None
    stderr: str | None = None
    n: str | None = None
    chance: str | None = None
    shots: str | None = None
    example: str | None = None
    metric_name: str | None = None


class Read(NamedTuple):
    """FOUND or ITEMS, whether it is the second, and what the user should know."""

    rows: pl.DataFrame
    of_examples: bool
    notes: list[str]


def read_table(path: Path) -> pl.DataFrame:
    """Read a table: .parquet, .tsv or .tab; anything else is comma-separated. Text columns stay text.

    Raises
    ------
    InputError
        The file is missing or no such table.
    """
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        separator = "\t" if path.name.removesuffix(".gz").endswith((".tsv", ".tab")) else ","
        return _bare(pl.read_csv(path, separator=separator, infer_schema=False, null_values=_NULLS))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except pl.exceptions.PolarsError as error:
        first, *_ = str(error).split("\n")
        raise InputError(f"{path}: no table that can be read ({first})") from error


def _bare(table: pl.DataFrame) -> pl.DataFrame:
    """Take numbers out of their dress, `**25.1%**` or `25.1 ± 0.4`, of which the second is the standard error."""
    for column in table.columns:
        parts = table[column].str.extract_groups(r"^\**\s*(-?[\d.]+)\s*%?\s*(?:(?:±|\+/-)\s*([\d.]+)\s*%?)?\s*\**$")
        number, error = parts.struct.field("1"), parts.struct.field("2")
        if number.null_count() == table[column].null_count():
            table = table.with_columns(number.alias(column))
            if error.null_count() < len(error) and f"{column}{ERROR}" not in table.columns:
                table = table.with_columns(error.alias(f"{column}{ERROR}"))
    return table


def found(table: pl.DataFrame, columns: Columns, *, where: str) -> Read:
    """Bring a table to FOUND, or to ITEMS where it has a column of examples.

    Parameters
    ----------
    table
        The table as read.
    columns
        What is where.
    where
        The file's name; a row's place is this and its number, the first after a header being 2.

    Returns
    -------
    Read
        Rows without a score are left out of FOUND; in ITEMS they have a reason.

    Raises
    ------
    InputError
        Names the column that is missing or the row whose cell is empty or no number.
    """
    columns, counts = _counts(columns, table, where)
    given = _given(columns, table, where)
    long, notes = _long(table.with_row_index("row", offset=2), columns, given, where)
    long = _typed(long.with_columns(where=pl.format("{}: row {}", pl.lit(where), "row")))
    if "example" in given:
        return Read(_items(long), True, notes)
    return Read(_means(long, counts), False, notes)


def _long(
    table: pl.DataFrame, columns: Columns, given: Mapping[str, str], where: str
) -> tuple[pl.DataFrame, list[str]]:
    """Bring a table to one row per score, its columns called as the options; say what was taken for what."""
    if "score" in given and "task" in given and ("metric" in given or columns.metric_name):
        long = table.select("row", *(pl.col(column).alias(option) for option, column in given.items()))
        return (long if "metric" in given else long.with_columns(metric=pl.lit(columns.metric_name))), []
    if columns.metric or columns.score or (columns.metric_name and "task" in given):
        raise InputError(
            f"{where}: give --task, --metric and --score; or, where a metric is a column, neither of the last two; "
            "or, where all scores are of one metric, --metric-name"
        )
    if columns.metric_name:
        return from_tasks(table, given, columns.metric_name, where)
    return from_metrics(table, given, where), []


def _typed(long: pl.DataFrame) -> pl.DataFrame:
    """Check names and numbers, and add the columns that the table lacks."""
    for column in ("model", "task", "metric"):
        empty = long.filter(pl.col(column).is_null())
        if empty.height:
            raise InputError(f"{empty['where'][0]}: no {column}")
    for column, kind in _NUMBERS.items():
        absent = pl.lit(None, kind).alias(column)
        long = _number(long, column, kind) if column in long.columns else long.with_columns(absent)
    _refuse_numbers(long)
    names = {name: spelled(str(name)) for name in long["metric"].unique()}
    return long.with_columns(
        *(pl.col(c).cast(pl.String) for c in ("model", "task")),
        subtask=pl.col("subtask").cast(pl.String) if "subtask" in long.columns else pl.lit(None, pl.String),
        metric=pl.col("metric").cast(pl.String).replace(names),
    )


def _counts(columns: Columns, table: pl.DataFrame, where: str) -> tuple[Columns, Mapping[str, int]]:
    """Read `--n` as numbers of questions by task, "" being every task; or leave it as the column that it is."""
    if columns.n is None or columns.n in table.columns:
        return columns, {}
    pairs = [part.rpartition("=") for part in columns.n.split(",")]
    if not all(number.strip().isdigit() for *_, number in pairs):
        raise InputError(f"{where}: --n: '{columns.n}' is no column, no number, and not like MMLU=14042,ARC-C=1172")
    return replace(columns, n=None), {task.strip(): int(number) for task, _, number in pairs}


_CALLED = {  # what columns are called, beside the names of the options
    "model": ("model_name",),
    "task": ("benchmark", "dataset"),
    "score": ("value",),
    "stderr": ("standard_error", "std_err", "se"),
    "n": ("n_samples", "num_samples"),
    "shots": ("n_shot", "n_shots", "num_fewshot", "fewshot"),
    "example": ("example_id",),
}


def _given(columns: Columns, table: pl.DataFrame, where: str) -> dict[str, str]:
    """Find the column of each option: as named, else as the option is called."""
    given: dict[str, str] = {}
    plain = {re.sub(r"\W+", "_", column.strip().lower()): column for column in reversed(table.columns)}
    for option in (field.name for field in fields(columns) if field.name != "metric_name"):
        named = getattr(columns, option)
        called = (plain[name] for name in (option, *_CALLED.get(option, ())) if name in plain)
        column = named if named is not None else next(called, None)
        if column is not None and column not in table.columns:
            raise InputError(f"{where}: --{option}: no column '{column}'; the table has {', '.join(table.columns)}")
        if column is not None and column in given.values():
            twin = next(o for o, c in given.items() if c == column)
            raise InputError(f"{where}: --{twin} and --{option} both name the column '{column}'")
        if column is not None:
            given[option] = column
    if "model" not in given:
        raise InputError(f"{where}: --model: no column 'model'; the table has {', '.join(table.columns)}")
    return given


_PLACE: dict[str, Any] = {
    "where": "where",
    "run": pl.lit(None, pl.String),
    "limited": False,
    "date": pl.lit(None, pl.Float64),
    **{name: name for name in ("model", "task", "subtask", "shots")},
    "kind": pl.lit(None, pl.String),
}
"""Which result a number is of, as FOUND and ITEMS have it; a table names no run, date or kind of task."""


def _means(long: pl.DataFrame, counts: Mapping[str, int]) -> pl.DataFrame:
    of_task = pl.col("task").replace_strict(dict(counts), default=counts.get(""), return_dtype=pl.Int64)
    listed = pl.col("metric").is_in([*ACCURACY, *NORMALISED])
    known = {task: chance(task) for task in long["task"].unique()}
    return (
        long.drop_nulls("score")
        .select(
            **_PLACE,
            metric="metric",
            value="score",
            standard_error="stderr",
            n=pl.coalesce("n", of_task) if counts else pl.col("n"),
            chance=pl.coalesce(
                "chance", pl.when(listed).then(pl.col("task").replace_strict(known, return_dtype=pl.Float64))
            ),
        )
        .cast(pl.Schema(FOUND))
    )


def _items(long: pl.DataFrame) -> pl.DataFrame:
    """Number the examples of each task by name, the same for every model."""
    empty = long.filter(pl.col("example").is_null())
    if empty.height:
        raise InputError(f"{empty['where'][0]}: no example")
    score = pl.col("score")
    return long.select(
        **_PLACE,
        example_id=pl.col("example").cast(pl.String).rank("dense").over("task") - 1,
        question=pl.lit(None, pl.String),
        metric="metric",
        value="score",
        reason=pl.when(score.is_null()).then(pl.lit("the table has no score")),
    ).cast(pl.Schema(ITEMS))


def _refuse_numbers(long: pl.DataFrame) -> None:
    """Refuse columns of names that hold scores; models and tasks may be called by whole numbers."""
    for column in ("model", "task", "metric"):
        names = long[column]
        if all_numbers(names) and (column == "metric" or names.cast(pl.String).str.contains(".", literal=True).all()):
            raise InputError(
                f"{long['where'][0]}: {column} '{names[0]}' is a number; give --{column} a column of names"
            )


def _number(long: pl.DataFrame, column: str, kind: object) -> pl.DataFrame:
    cast = long[column].cast(pl.Float64, strict=False)
    bad = long.filter(cast.is_null() & long[column].is_not_null())
    if kind is pl.Int64:
        whole = cast.cast(pl.Int64, strict=False)
        bad = long.filter((whole.is_null() | (whole != cast)) & long[column].is_not_null())
        cast = whole
    if bad.height:
        raise InputError(
            f"{bad['where'][0]}: {column} '{bad[column][0]}' is no {'whole ' if kind is pl.Int64 else ''}number"
        )
    return long.with_columns(cast.alias(column))
