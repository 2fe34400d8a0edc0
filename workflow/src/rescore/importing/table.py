"""Any table of results: a row per model, task and metric, a row per example, or a column per metric or task."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from shlex import quote
from typing import Any

import polars as pl

from rescore.importing.finish import Options, Written, finish
from rescore.importing.names import ACCURACY, NORMALISED, chance, spelled
from rescore.importing.renames import read_renames
from rescore.importing.table_files import read_table
from rescore.importing.tidy import CHOICES, FOUND, ITEMS, Collected, Schema, frame, stack
from rescore.importing.wide_tables import ERROR, ROW, from_metrics, from_tasks, share_of_numbers, without_nulls
from rescore.tables import InputError, some

_NUMBERS: Schema = {"score": pl.Float64, "stderr": pl.Float64, "n": pl.Int64, "chance": pl.Float64, "shots": pl.Int64}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which of the table's columns hold what; a column that is not named is the one called as the field, if any."""

    model: str | None = None
    revision: str | None = None
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
    "revision": ("model_revision",),
    "task": ("tasks", "task_name", "benchmark", "dataset"),
    "metric": ("metric_name",),
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
    if re.fullmatch(r"[0-9]{1,18}|[0-9]{1,3}(,[0-9]{3}){1,5}", columns.n):
        return replace(columns, n=None), {"": int(columns.n.replace(",", ""))}
    pairs = [[part.strip() for part in pair.rpartition("=")] for pair in columns.n.split(",")]
    if not all(task and re.fullmatch("[0-9]{1,18}", number) for task, _, number in pairs):
        raise InputError(f"{where}: --n: '{columns.n}' is no column, no number, and not like MMLU=14042,ARC-C=1172")
    return replace(columns, n=None), {task: int(number) for task, _, number in pairs}


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
        passed = [column for column in table.columns if column not in ("", ROW, *given.values())]
        notes = [f"columns passed over: {some(passed)}"] if passed else []
        return (long if "metric" in given else long.with_columns(metric=pl.lit(columns.metric_name))), notes
    if "metric" in given or "score" in given or (columns.metric_name and "task" in given):
        taken = [o for o in ("metric", "score") if o in given and getattr(columns, o) is None]
        raise InputError(
            f"{where}: give --task, --metric and --score; or, where a metric is a column, neither of the last two; "
            "or, where all scores are of one metric, --metric-name"
            + "".join(f"; rename column '{given[option]}' if it is not --{option}" for option in taken)
        )
    if columns.metric_name:
        return from_tasks(table, given, columns.metric_name, where)
    return from_metrics(table, given, where)


def _typed(long: pl.DataFrame) -> pl.DataFrame:
    """Check names and numbers, and add the columns that the table lacks.

    A number with the sign % is divided by 100. Beside such a score, so is a chance above 1, and standard errors without
    the sign where `_in_percent` says so.
    """
    for column in ("model", "task", "metric", "example"):
        if column in long.columns and (empty := long.filter(pl.col(column).is_null())).height:
            raise InputError(f"{empty['where'][0]}: no {column}")
    signed = {column: _signed(long, column) for column in ("score", "stderr", "chance")}
    for column, kind in _NUMBERS.items():
        absent = pl.lit(None, kind).alias(column)
        long = long.with_columns(_number(long, column, kind) if column in long.columns else absent)
    guess, beside = pl.col("chance"), signed["score"] & ~signed["stderr"]
    beside &= _in_percent(long.filter(beside))
    long = long.with_columns(
        pl.when(beside).then(pl.col("stderr") / 100).otherwise("stderr"),
        pl.when(signed["score"] & ~signed["chance"] & (guess > 1)).then(guess / 100).otherwise(guess),
    )
    for column in ("model", "task", "metric"):  # models and tasks may be called by whole numbers
        names = long[column]
        fractions = column == "metric" or names.cast(pl.String).str.contains(".", literal=True).all()
        if share_of_numbers(names) == 1 and fractions:
            raise InputError(
                f"{long['where'][0]}: {column} '{names[0]}' is a number; give --{column} a column of names"
            )
    spellings = {name: spelled(str(name)) for name in long["metric"].unique()}
    if "revision" in long.columns:
        revision = pl.col("revision").cast(pl.String).str.replace(r"^(\d+)(\.0+)?$", "step$1")  # pandas writes 1000.0
        long = long.with_columns(model=pl.concat_str("model", revision, separator="@", ignore_nulls=True))
    return long.with_columns(
        *(pl.col(c).cast(pl.String) for c in ("model", "task")),
        subtask=pl.col("subtask").cast(pl.String) if "subtask" in long.columns else pl.lit(None, pl.String),
        metric=pl.col("metric").cast(pl.String).replace(spellings),
    )


def _in_percent(beside: pl.DataFrame) -> bool:
    """Tell whether standard errors e that stand without % beside scores p with it are in percent.

    Were they not, a test would have p (1 - p) / e^2 questions: fewer than 10 means that they are in percent, more than
    100 that they are not. The rows between go with the others. Raises InputError where all are between, or the
    others disagree.
    """
    p, error = pl.col("score"), pl.col("stderr")
    told = beside.filter((error > 0) & (p > 0) & (p < 1)).with_columns(questions=p * (1 - p) / error**2)
    decisive = told.filter((pl.col("questions") < 10) | (pl.col("questions") > 100))["questions"] < 10
    if told.is_empty() or decisive.n_unique() == 1:
        return decisive.all()
    row = told.row(0, named=True)
    raise InputError(
        f"{row['where']}: stderr {row['stderr']:g} beside a score with the sign % may be in percent or not; "
        "write % behind it too, or give both as shares of 1"
    )


def _signed(long: pl.DataFrame, column: str) -> pl.Series:
    """Tell which rows of a column have the sign %; none where the column is absent or holds no text."""
    if column not in long.columns or long[column].dtype != pl.String:
        return pl.repeat(False, long.height, eager=True)
    return long[column].str.ends_with("%").fill_null(value=False)


def _number(long: pl.DataFrame, column: str, kind: Any) -> pl.Series:
    given = without_nulls(long[column])
    if given.dtype == pl.String:
        given = given.str.replace("(?i)^true$", "1").str.replace("(?i)^false$", "0")
        if kind is pl.Int64:  # 14,042 has no other reading here
            given = given.str.replace(r"^(\d{1,3}),(\d{3})$", "$1$2")
        bare = given.str.strip_suffix("%").cast(pl.Float64, strict=False)
        cast = pl.select(pl.when(_signed(long, column)).then(bare / 100).otherwise(bare).alias(column)).to_series()
    else:
        cast = given.cast(pl.Float64, strict=False)
    numbers = cast.cast(kind, strict=False)
    bad = long.filter((numbers.is_null() | (numbers.cast(pl.Float64) != cast)) & given.is_not_null())
    if bad.height:
        whole = "whole " if kind is pl.Int64 else ""
        decimal = "; write a decimal point, and no comma" if re.search(r"\d,\d", str(bad[column][0])) else ""
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
