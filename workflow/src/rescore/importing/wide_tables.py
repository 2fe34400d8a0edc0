"""Tables with a column per metric or per task, to a row for each."""

import re
from collections.abc import Mapping, Sequence

import polars as pl

from rescore.importing.names import KNOWN, spelled
from rescore.tables import InputError

ROW = "row of the file"
"""The column of numbers of rows that is put before a table."""

ERROR, COUNT = "_stderr", "_n"
"""End the names of the columns beside one of scores: its standard errors and numbers of questions."""

_NO_NUMBERS = ("", "na", "n/a", "#n/a", "-", "–", "—", "null", "none")  # in upper or lower case

_NO_TASKS = re.compile(  # columns of numbers in published tables that are no task; without a name is pandas' index
    r"(the_)?(average|avg|mean|overall|total|rank|index|id|year|date|seed|step|epoch|run_id|params?|parameters|size|"
    r"n_params|num_params|tokens|n_tokens|flops|compute|loss|layers|n_layers|batch_size|temperature|shots|n_shots|"
    r"num_fewshot)(_.*)?|.*_(params?|parameters|tokens|flops|average|avg)|row|unnamed_\d+|",
)


def from_metrics(table: pl.DataFrame, given: Mapping[str, str], where: str) -> tuple[pl.DataFrame, list[str]]:
    """Turn a table with a column per metric into one with a row per metric.

    Columns are called as metrics where there is a column of tasks, else `task_metric`; with `_stderr` and `_n` behind
    that, a metric's standard error and its number of questions. Says which columns were not read.
    """
    parts = []
    read = {"", ROW, *given.values()}
    for column in table.columns:
        task, metric = (None, spelled(column)) if "task" in given else split(column)
        if metric in KNOWN and column not in given.values():
            parts.append(_part(table, given, column, task=task, metric=metric))
            read |= {column, *_companions(table, given, column).values()}
    if not parts:
        form = "METRIC" if "task" in given else "TASK_METRIC"
        raise InputError(
            f"{where}: no column is called {form} with a known metric, such as acc, exact_match or perplexity; "
            "give --metric and --score where a row is one metric, or --metric-name where a column is a task"
        )
    passed = [column for column in table.columns if column not in read]
    return pl.concat(parts, how="diagonal"), _passed_over(passed)


def from_tasks(
    table: pl.DataFrame, given: Mapping[str, str], metric: str, where: str
) -> tuple[pl.DataFrame, list[str]]:
    """Turn a table with a column per task into one with a row per task; say which columns were taken for tasks."""
    companions = {f"{column}{end}" for column in table.columns for end in (ERROR, COUNT)}
    tasks: list[str] = []
    passed: list[str] = []
    for column in table.columns:
        if column != ROW and column not in given.values() and column not in companions:
            plain = re.sub(r"\W+", "_", column.lower()).strip("_")
            has_scores = share_of_numbers(without_nulls(table[column])) > 0.5  # its other cells are refused
            (tasks if has_scores and not _NO_TASKS.fullmatch(plain) else passed).append(column)
    if not tasks:
        raise InputError(f"{where}: --metric-name: no column of scores; the table has {', '.join(table.columns[1:])}")
    notes = [f"columns taken for tasks: {', '.join(tasks)}", *_passed_over(passed)]
    parts = [_part(table, given, column, task=column.strip(), metric=metric) for column in tasks]
    return pl.concat(parts, how="diagonal"), notes


def _part(
    table: pl.DataFrame, given: Mapping[str, str], column: str, *, task: str | None, metric: str | None
) -> pl.DataFrame:
    """Make rows of a column of scores, with the standard errors and numbers of questions beside it."""
    return table.select(
        ROW,
        *(pl.col(c).alias(o) for o, c in given.items()),
        *([pl.lit(task).alias("task")] if task else []),
        pl.lit(metric).alias("metric"),
        pl.col(column).cast(pl.String).alias("score"),
        *(pl.col(c).cast(pl.String).alias(o) for o, c in _companions(table, given, column).items()),
    )


def _companions(table: pl.DataFrame, given: Mapping[str, str], column: str) -> dict[str, str]:
    beside = {"stderr": f"{column}{ERROR}", "n": f"{column}{COUNT}"}
    return {option: c for option, c in beside.items() if option not in given and c in table.columns}


def split(column: str) -> tuple[str | None, str | None]:
    """Split `task_metric` at the longest known metric.

    >>> split("arc_easy_exact_match"), split("ARC-Easy Accuracy"), split("arc_easy_level")
    (('arc_easy', 'exact_match'), ('ARC-Easy', 'accuracy'), (None, None))
    """
    plain = column.lower().replace(" ", "_").replace("-", "_")
    metric = max((m for m in KNOWN if plain.endswith(f"_{m}")), key=len, default=None)
    return (None, None) if metric is None else (column[: -len(metric) - 1], metric)


def _passed_over(columns: Sequence[str]) -> list[str]:
    return [f"columns passed over: {', '.join(columns)}"] if columns else []


def without_nulls(column: pl.Series) -> pl.Series:
    """Make null what stands for no number in a column of numbers."""
    if column.dtype != pl.String:
        return column
    return column.set(column.str.strip_chars().str.to_lowercase().is_in(_NO_NUMBERS), None)


def share_of_numbers(column: pl.Series) -> float:
    """Say which share of a column's filled cells are numbers, which may have the sign %; 0 where none is filled."""
    filled = column.drop_nulls()
    if filled.dtype == pl.String:
        filled = filled.str.strip_suffix("%")
    return int(filled.cast(pl.Float64, strict=False).is_not_null().sum()) / max(1, len(filled))
