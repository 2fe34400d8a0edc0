"""From what the files say to rows of AGGREGATES and SCORES: names, percent, doubles, and what is refused."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl

from rescore.importing.names import ACCURACY, NORMALISED, PERPLEXITIES, standard
from rescore.tables import EXAMPLES, METRICS, SCORES, InputError
from rescore.tables.metrics import HARD_METRICS

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

PLACE: Schema = {
    "where": pl.String,  # the file, and the row in it
    "run": pl.String,  # the results file of the same run; null where the tool's files are no runs
    "limited": pl.Boolean,  # whether the run left questions out
    "date": pl.Float64,  # of the run, in seconds since 1970; null where unknown
    "model": pl.String,
    "task": pl.String,
    "subtask": pl.String,  # without the task's name; null for the task itself
    "shots": pl.Int64,  # null where the file does not say
}

FOUND: Schema = {
    **PLACE,
    "kind": pl.String,  # of the task, a `names.Kind`; null where the file does not say
    "metric": pl.String,
    "value": pl.Float64,
    "standard_error": pl.Float64,
    "n": pl.Int64,
    "chance": pl.Float64,
}
"""One row per number of a file, under the file's own names; standard_error, n and chance are null where unknown."""

ITEMS: Schema = {
    **PLACE,
    "kind": pl.String,
    "example_id": pl.Int64,
    "question": pl.String,  # a digest of the example, null where unknown: the same number must be the same question
    "metric": pl.String,
    "value": pl.Float64,
    "reason": pl.String,
}
"""One row per example and metric."""

CHOICES: Schema = {
    **PLACE,
    **{c: kind for c, kind in EXAMPLES.columns.items() if c not in ("task", "subtask", "shots")},
}
"""One row per example with listed choices, as one model read it."""


class Collected(NamedTuple):
    """FOUND, ITEMS and CHOICES of all files, and what the user should know."""

    found: pl.DataFrame
    items: pl.DataFrame
    choices: pl.DataFrame
    notes: list[str]


_KEY = ["model", "task", "subtask", "metric"]
_SAME = 1e-6  # numbers this near each other, relative to their size, are one number written twice
_SHARES = ("exact_match", "multiple_choice_grade", "choice_probability")  # here, of several names in the files
_IS_JUDGED = pl.col("metric").is_in([name for name, metric in METRICS.items() if metric.link])


def frame(rows: Iterable[Mapping[str, object]], columns: Schema) -> pl.DataFrame:
    """Make a frame of rows; what a row does not name is null, and a run is one without a limit."""
    every = [{"limited": False, **row} for row in rows]
    made = []
    for column, kind in columns.items():
        try:
            made.append(pl.Series(column, [row.get(column) for row in every], kind))
        except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError) as error:
            raise TypeError(f"{column}: {str(error).splitlines()[0].rpartition('; ')[2]}") from error
    return pl.DataFrame(made)


def stack(frames: Iterable[pl.DataFrame], columns: Schema) -> pl.DataFrame:
    """Put frames below each other; there may be none, and a column that one lacks is null."""
    return pl.concat([frame([], columns), *frames], how="diagonal")


def aggregates(found: pl.DataFrame, meant: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Make FOUND rows of AGGREGATES, and of `where`; `meant` is what `names.meanings` tells.

    Raises InputError with file and row of a value that is no finite number, outside its metric's range or in percent,
    of a negative standard error, of fewer questions than one, or of two numbers for one thing. A metric without a
    verdict is null with a reason instead.
    """
    rows = _in_unit(standard(found, meant), percent=percent)
    error = pl.col("standard_error")
    rows = rows.with_columns(standard_error=pl.when(error.is_finite()).then(error))
    _refuse(rows, pl.col("standard_error") < 0, "a standard error is 0 or more, this one is {standard_error:g}")
    _refuse(rows, pl.col("n") < 1, "n is {n}, but the number of questions is at least 1")
    _refuse(rows, ~pl.col("chance").is_between(0, 1, closed="left"), "chance is {chance:g}, not between 0 and 1")
    _refuse_other_unit(rows)
    rows = _once(_whole_names(rows), _KEY)
    return rows.select("where", *_KEY, pl.col("value").alias("mean"), "standard_error", "n", "chance", "reason")


def _refuse_other_unit(rows: pl.DataFrame) -> None:
    """Refuse a standard error e of a share m of right answers that is in percent where m is not, or the reverse.

    n questions give e = sqrt(m (1 - m) / (n - 1)): at most sqrt(1/2), and 10^7 questions are of no test.
    """
    mean, error, right_or_wrong = pl.col("value"), pl.col("standard_error"), pl.col("metric").is_in(HARD_METRICS)
    mend = (
        "a standard error of {standard_error:g} beside {value:g} is in another unit; give both in percent, or neither"
    )
    _refuse(rows, right_or_wrong & ((error > 0.75) | (mean * (1 - mean) > 1e7 * error**2) & (error > 0)), mend)


def items(found: pl.DataFrame, meant: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Make ITEMS rows of SCORES, and of `where`; as `aggregates`, and one number of an example is one question."""
    rows = _whole_names(_in_unit(standard(found, meant), percent=percent))
    example = ["task", "subtask", "example_id"]
    questions = rows.drop_nulls("question").unique([*example, "question"], maintain_order=True)
    twice = questions.filter(pl.struct(example).is_duplicated())
    if twice.height:
        first = twice.row(0, named=True)
        other = twice.filter(**{column: first[column] for column in example})
        raise InputError(
            f"{other['where'][1]}: task '{first['task']}', example_id {first['example_id']} is another question than "
            f"in {first['where']}: the models must answer the same ones; evaluate them on one version of the task"
        )
    rows = _once(rows, [*_KEY, "example_id"]).rename({"value": "score"})
    return rows.select("where", *SCORES.columns)


def examples(found: pl.DataFrame) -> pl.DataFrame:
    """Make CHOICES rows of EXAMPLES: each example once, as the first model read it."""
    once = _whole_names(found).unique(["task", "subtask", "example_id"], keep="first", maintain_order=True)
    return once.with_columns(pl.col("shots").fill_null(0)).select(list(EXAMPLES.columns))


def whole_name(task: str, leaf: str | None) -> str:
    """Name a subtask, as `_whole_names` does."""
    return task if leaf is None else leaf if leaf.startswith(f"{task}:") else f"{task}:{leaf}"


def _whole_names(rows: pl.DataFrame) -> pl.DataFrame:
    """Put the task before the subtask: `task:subtask`, or `task` where there is none."""
    local = pl.col("subtask")
    own = local.is_null() | (local == pl.col("task")) | local.str.starts_with(pl.format("{}:", "task"))
    return rows.with_columns(
        subtask=pl.when(own).then(pl.coalesce("subtask", "task")).otherwise(pl.format("{}:{}", "task", "subtask"))
    )


def _in_unit(rows: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Bring scores given in percent to [0, 1], and refuse what cannot be a value of its metric."""
    if "reason" not in rows.columns:
        rows = rows.with_columns(reason=pl.lit(None, pl.String))
    limits = pl.DataFrame([(m.name, m.low, m.high) for m in METRICS.values()], ["metric", "low", "high"], orient="row")
    rows = rows.join(limits, on="metric", how="left", maintain_order="left")
    share = (pl.col("high") == 1.0).fill_null(value=False) | pl.col("was").is_in([*ACCURACY, *NORMALISED])
    if percent:
        if rows.height and not (rows.filter(share)["value"] > 1).any():
            raise InputError("--percent: no score that is between 0 and 1 here is above 1 in the files; leave it out")
        scaled = [c for c in ("value", "standard_error") if c in rows.columns]
        rows = rows.with_columns(pl.when(share).then(pl.col(c) / 100).otherwise(c) for c in scaled)
        if "chance" in rows.columns:  # from a table of percents, or from what is known of the task
            rows = rows.with_columns(
                chance=pl.when(pl.col("chance") > 1).then(pl.col("chance") / 100).otherwise("chance")
            )
    value = pl.col("value")
    undefined = ~value.is_finite() & ~_IS_JUDGED
    rows = rows.with_columns(
        reason=pl.when(undefined).then(pl.format("{} in the file", value.cast(pl.String))).otherwise("reason"),
        value=pl.when(~undefined).then(value),
    )
    _refuse(rows, ~value.is_finite(), "{value} is no finite number; take the entry out, or evaluate again")
    below = pl.col("was").is_in(list(PERPLEXITIES)) & (value < -_SAME)
    _refuse(rows, below, "a perplexity is at least 1, this one is exp({value:g})")
    if not percent:
        in_percent = share & value.is_between(1 + _SAME, 100)
        _refuse(rows, in_percent, "{value:g} is no share; where scores are in percent, give --percent")
    outside = (value < pl.col("low") - _SAME) | (value > pl.col("high") + _SAME)
    _refuse(rows, outside, "{value:g} is outside {low:g} to {high:g}")
    return rows.with_columns(value=pl.when(share).then(value.clip(0, 1)).otherwise(value)).drop("low", "high")


def _refuse(rows: pl.DataFrame, bad: pl.Expr, problem: str) -> None:
    """Raise for the first row for which `bad` is true; `problem` may name its columns in braces."""
    found = rows.filter(bad).head(1)
    if found.height:
        row = found.row(0, named=True)
        raise InputError(f"{_named(row)}: {problem.format(**row)}")


def _unlike(key: list[str]) -> pl.Expr:
    low, high = pl.col("value").min().over(key), pl.col("value").max().over(key)
    return (high - low > _SAME * pl.max_horizontal(low.abs(), high.abs())) | (
        pl.col("value").is_null().any().over(key) & pl.col("value").is_not_null().any().over(key)
    )


def _own_names(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Where two metrics of the files would be one here, and differ, let the other keep the name that it has there.

    The one that is called as here goes first, so that a user may say by `--rename` which of them counts.
    """
    of_task = ["task", "subtask", "metric"]
    first = pl.col("was").sort_by(pl.col("was") != pl.col("metric"), "was").first().over(of_task)
    apart = _unlike(key).any().over(of_task) & pl.col("metric").is_in(list(_SHARES)) & (pl.col("was") != first)
    return rows.with_columns(metric=pl.when(apart).then("was").otherwise("metric"))


def _once(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Keep one of several equal rows; of two that differ refuse a metric with a verdict, and make another null."""
    if not rows.select(key).is_duplicated().any():
        return rows
    rows = _own_names(rows, key)
    unlike = _unlike(key)
    both = rows.filter(unlike & _IS_JUDGED)
    if both.height:
        same = both.row(0, named=True)
        twins = both.filter(pl.all_horizontal(pl.col(c).eq_missing(pl.lit(same[c])) for c in key))
        other = twins.filter(pl.col("value").ne_missing(pl.lit(same["value"]))).row(0, named=True)
        mend = "rename" if other["was"] != same["was"] and other["where"] == same["where"] else "take out"
        raise InputError(
            f"{_named(other)}: {other['value']} here, {same['value']} in {same['where']}; {mend} one of the two"
        )
    first, last = pl.col("where").first().over(key), pl.col("where").last().over(key)
    return rows.with_columns(
        value=pl.when(~unlike).then("value"),
        reason=pl.when(unlike).then(pl.format("two numbers, in {} and {}", first, last)).otherwise("reason"),
    ).unique(key, keep="first", maintain_order=True)


def _named(row: Mapping[str, object]) -> str:
    leaf = row["subtask"] or row["task"]
    example = f", example_id {row['example_id']}" if "example_id" in row else ""
    return f"{row['where']}: model '{row['model']}', task '{leaf}', metric '{row['was']}'{example}"
