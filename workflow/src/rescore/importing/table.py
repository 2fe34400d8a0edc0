"""Any table of results: a row a model, task and metric, a row an example, or a metric a column."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from rescore.importing.names import KNOWN
from rescore.importing.tidy import FOUND, ITEMS
from rescore.tables import InputError

_ERROR, _COUNT = "_stderr", "_n"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which of the table's columns hold what; without `metric` and `score` a metric is a column."""

    model: str
    task: str | None = None
    subtask: str | None = None
    metric: str | None = None
    score: str | None = None
    stderr: str | None = None
    n: str | None = None
    chance: str | None = None
    example: str | None = None


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
        return pl.read_csv(
            path,
            separator="\t" if path.suffix in (".tsv", ".tab") else ",",
            infer_schema=False,
            null_values=["", "NA", "N/A"],
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: no table that can be read ({str(error).splitlines()[0]})") from error


def found(frame: pl.DataFrame, columns: Columns, *, where: str) -> pl.DataFrame:
    """Bring a table to FOUND, or to ITEMS where it has a column of examples.

    Parameters
    ----------
    frame
        The table as read.
    columns
        What is where.
    where
        The file's name; a row's place is this and its number, the first after a header being 2.

    Returns
    -------
    polars.DataFrame
        Rows without a score are left out of FOUND; in ITEMS they have a reason.

    Raises
    ------
    InputError
        Names the column that is missing or the row whose cell is empty or no number.
    """
    given = {option: column for option, column in vars(columns).items() if column is not None}
    for option, column in given.items():
        if column not in frame.columns:
            raise InputError(f"{where}: --{option}: no column '{column}'; the table has {', '.join(frame.columns)}")
    numbered = frame.with_row_index("row", offset=2)
    if columns.metric is None and columns.score is None:
        long = _from_wide(numbered, given, where)
    elif columns.metric and columns.score and columns.task:
        long = numbered.select("row", *(pl.col(column).alias(option) for option, column in given.items()))
    else:
        raise InputError(
            f"{where}: give --task, --metric and --score; or, where a metric is a column, neither of the last two"
        )
    long = long.with_columns(where=pl.format("{}: row {}", pl.lit(where), "row"))
    for column in ("model", "task", "metric"):
        empty = long.filter(pl.col(column).is_null())
        if empty.height:
            raise InputError(f"{empty['where'][0]}: no {column}")
    numbers = {"score": pl.Float64, "stderr": pl.Float64, "n": pl.Int64, "chance": pl.Float64}
    for column, kind in numbers.items():
        if column in long.columns:
            long = _number(long, column, kind)
    if columns.example is not None:
        return _items(long)
    absent = {c: pl.lit(None, numbers[c]).alias(c) for c in numbers if c not in long.columns}
    return (
        long.drop_nulls("score")
        .with_columns(*absent.values())
        .select(
            *(
                "where",
                _text("model"),
                _text("task"),
                _subtask(long),
                pl.lit(None, pl.Int64).alias("shots"),
                _text("metric"),
            ),
            value="score",
            standard_error="stderr",
            n="n",
            chance="chance",
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
        *("where", _text("model"), _text("task"), _subtask(long), pl.lit(None, pl.Int64).alias("shots")),
        example_id=_text("example").rank("dense").over("task") - 1,
        question=pl.lit(None, pl.String),
        metric=_text("metric"),
        value="score",
        reason=pl.when(score.is_null()).then(pl.lit("the table has no score")),
    ).cast(pl.Schema(ITEMS))


def _from_wide(frame: pl.DataFrame, given: Mapping[str, str], where: str) -> pl.DataFrame:
    """Turn a table with a metric a column into one with a row a metric.

    Columns are called as metrics where there is a column of tasks, else `task_metric`; with `_stderr` and `_n` behind
    that, a metric's standard error and its number of questions.
    """
    parts = []
    for column in frame.columns:
        task, metric = (None, column) if "task" in given else split(column)
        if metric not in KNOWN or column in given.values():
            continue
        companions = {"stderr": f"{column}{_ERROR}", "n": f"{column}{_COUNT}"}
        parts.append(
            frame.select(
                "row",
                *(pl.col(c).alias(o) for o, c in given.items()),
                *([pl.lit(task).alias("task")] if task else []),
                pl.lit(metric).alias("metric"),
                pl.col(column).cast(pl.String).alias("score"),
                *(
                    pl.col(c).cast(pl.String).alias(o)
                    for o, c in companions.items()
                    if o not in given and c in frame.columns
                ),
            )
        )
    if not parts:
        form = "METRIC" if "task" in given else "TASK_METRIC"
        raise InputError(
            f"{where}: no column is called {form} with a metric that is known ({', '.join(sorted(KNOWN))}); "
            "give --metric and --score where a row is one metric"
        )
    return pl.concat(parts, how="diagonal")


def split(column: str) -> tuple[str | None, str | None]:
    """Split `task_metric` at the longest known metric.

    >>> split("arc_easy_exact_match"), split("arc_easy_level")
    (('arc_easy', 'exact_match'), (None, None))
    """
    metric = max((m for m in KNOWN if column.endswith(f"_{m}")), key=len, default=None)
    return (None, None) if metric is None else (column.removesuffix(f"_{metric}"), metric)


def _number(frame: pl.DataFrame, column: str, kind: type[pl.DataType]) -> pl.DataFrame:
    cast = frame[column].cast(pl.Float64, strict=False)
    bad = frame.filter(cast.is_null() & frame[column].is_not_null())
    if kind is pl.Int64:
        whole = cast.cast(pl.Int64, strict=False)
        bad = frame.filter((whole.is_null() | (whole != cast)) & frame[column].is_not_null())
        cast = whole
    if bad.height:
        raise InputError(
            f"{bad['where'][0]}: {column} '{bad[column][0]}' is no {'whole ' if kind is pl.Int64 else ''}number"
        )
    return frame.with_columns(cast.alias(column))


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def _subtask(long: pl.DataFrame) -> pl.Expr:
    return _text("subtask") if "subtask" in long.columns else pl.lit(None, pl.String).alias("subtask")
