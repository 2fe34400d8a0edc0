"""From what the files say to rows of AGGREGATES and SCORES: names, shots, percent, doubles, and what is refused."""

from collections.abc import Mapping, Sequence

import polars as pl

from rescore.importing.names import standard
from rescore.tables import EXAMPLES, METRICS, SCORES, InputError

_PLACE = {
    "where": pl.String,  # the file, and the row in it
    "model": pl.String,
    "task": pl.String,
    "subtask": pl.String,  # without the task's name; null for the task itself
    "shots": pl.Int64,  # null where the file does not say
}

FOUND: Mapping[str, pl.DataType | type[pl.DataType]] = {
    **_PLACE,
    "metric": pl.String,
    "value": pl.Float64,
    "standard_error": pl.Float64,
    "n": pl.Int64,
    "chance": pl.Float64,
}
"""One row a number of a file, under the file's own names; standard_error, n and chance are null where unknown."""

ITEMS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    **_PLACE,
    "example_id": pl.Int64,
    "question": pl.String,  # a digest of the example, null where unknown: the same number must be the same question
    "metric": pl.String,
    "value": pl.Float64,
    "reason": pl.String,
}
"""One row an example and metric."""

CHOICES: Mapping[str, pl.DataType | type[pl.DataType]] = {
    **_PLACE,
    **{c: kind for c, kind in EXAMPLES.columns.items() if c not in ("task", "subtask", "shots")},
}
"""One row an example with listed choices, once a model."""

_KEY = ["model", "task", "subtask", "metric"]
_SAME = 1e-6  # numbers this near each other, relative to their size, are one number written twice


def renamed(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Give models, tasks, subtasks and metrics other names."""
    named = [c for c in ("model", "task", "subtask", "metric") if c in frame.columns]
    return frame.with_columns(pl.col(named).replace(dict(names)))


def choose_shots(frames: Sequence[pl.DataFrame], shots: int | None) -> list[pl.DataFrame]:
    """Keep one number of solved examples in the prompt, or keep them apart.

    A (task, subtask) that comes with several numbers of shots, in any of the frames, becomes a subtask for each,
    `name@2-shot`; `shots` keeps only the rows with that number, and those that do not say.
    """
    if shots is not None:
        return [frame.filter(pl.col("shots").is_null() | (pl.col("shots") == shots)) for frame in frames]
    key = ["task", "subtask"]
    every = pl.concat(frame.select(*key, "shots").unique() for frame in frames).unique()
    several = every.group_by(key).len().select(*key, several=pl.col("len") > 1)
    said = pl.when(pl.col("shots").is_null()).then(pl.lit("unknown-shot")).otherwise(pl.format("{}-shot", "shots"))
    named = pl.when(pl.col("subtask").is_null()).then(said).otherwise(pl.format("{}@{}", "subtask", said))
    return [
        frame.join(several, on=key, how="left", nulls_equal=True, maintain_order="left")
        .with_columns(subtask=pl.when("several").then(named).otherwise("subtask"))
        .drop("several")
        for frame in frames
    ]


def aggregates(found: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Make FOUND rows of AGGREGATES, and of `where`.

    Raises
    ------
    InputError
        Names file and row of a value that is no finite number, outside its metric's range or in percent, of a negative
        standard error, of fewer questions than one, or of two numbers for one thing.
    """
    frame = _in_unit(standard(found), percent=percent)
    error = pl.col("standard_error")
    frame = frame.with_columns(standard_error=pl.when(error.is_finite()).then(error))
    _refuse(frame, pl.col("standard_error") < 0, "a standard error is 0 or more, this one is {standard_error:g}")
    _refuse(frame, pl.col("n") < 1, "n is {n}, but the number of questions is at least 1")
    _refuse(frame, ~pl.col("chance").is_between(0, 1, closed="left"), "chance is {chance:g}, not between 0 and 1")
    frame = _once(_whole_names(frame), _KEY)
    return frame.select("where", *_KEY, pl.col("value").alias("mean"), "standard_error", "n", "chance")


def items(found: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Make ITEMS rows of SCORES, and of `where`.

    Raises
    ------
    InputError
        As `aggregates`; also where one number of an example stands for two questions.
    """
    frame = _whole_names(_in_unit(standard(found), percent=percent))
    questions = frame.drop_nulls("question").unique(["task", "subtask", "example_id", "question"], maintain_order=True)
    twice = questions.filter(pl.struct("task", "subtask", "example_id").is_duplicated())
    if twice.height:
        first = twice.row(0, named=True)
        other = twice.filter(task=first["task"], subtask=first["subtask"], example_id=first["example_id"])
        raise InputError(
            f"{other['where'][1]}: task '{first['task']}', example {first['example_id']} is another question than in "
            f"{first['where']}: the models must answer the same ones; evaluate them on one version of the task"
        )
    frame = _once(frame, [*_KEY, "example_id"])
    return frame.select(
        "where", *(pl.col("value").alias("score") if c == "score" else pl.col(c) for c in SCORES.columns)
    )


def examples(found: pl.DataFrame) -> pl.DataFrame:
    """Make CHOICES rows of EXAMPLES: each example once, as the first model read it."""
    once = _whole_names(found).unique(["task", "subtask", "example_id"], keep="first", maintain_order=True)
    return once.with_columns(pl.col("shots").fill_null(0)).select(list(EXAMPLES.columns))


def _whole_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Put the task before the subtask: `task:subtask`, or `task` where there is none."""
    local = pl.col("subtask")
    own = local.is_null() | (local == pl.col("task")) | local.str.starts_with(pl.format("{}:", "task"))
    return frame.with_columns(
        subtask=pl.when(own).then(pl.coalesce("subtask", "task")).otherwise(pl.format("{}:{}", "task", "subtask"))
    )


def _in_unit(frame: pl.DataFrame, *, percent: bool) -> pl.DataFrame:
    """Bring scores given in percent to [0, 1], and refuse what cannot be a value of its metric."""
    limits = pl.DataFrame([(m.name, m.low, m.high) for m in METRICS.values()], ["metric", "low", "high"], orient="row")
    frame = frame.join(limits, on="metric", how="left", maintain_order="left")
    share = pl.col("high") == 1.0
    if percent:
        if not (frame.filter(share)["value"] > 1).any():
            raise InputError("--percent: no score that is between 0 and 1 here is above 1 in the files; leave it out")
        scaled = [c for c in ("value", "standard_error", "chance") if c in frame.columns]
        frame = frame.with_columns(pl.when(share).then(pl.col(c) / 100).otherwise(c) for c in scaled)
    value = pl.col("value")
    _refuse(frame, ~value.is_finite(), "{value} is no finite number; take the entry out, or evaluate again")
    low = pl.col("was").str.contains("perplexity|ppl") & (value < -_SAME)
    _refuse(frame, low, "a perplexity is at least 1, this one is exp({value:g})")
    if not percent:
        in_percent = share & value.is_between(1 + _SAME, 100)
        _refuse(frame, in_percent, "{value:g} is no share; where scores are in percent, give --percent")
    outside = (value < pl.col("low") - _SAME) | (value > pl.col("high") + _SAME)
    _refuse(frame, outside, "{value:g} is outside {low:g} to {high:g}")
    return frame.with_columns(value=pl.when(share).then(value.clip(0, 1)).otherwise(value)).drop("low", "high")


def _refuse(frame: pl.DataFrame, bad: pl.Expr, problem: str) -> None:
    """Raise for the first row for which `bad` is true; `problem` may name its columns in braces."""
    rows = frame.filter(bad).head(1)
    if rows.height:
        row = rows.row(0, named=True)
        raise InputError(f"{_named(row)}: {problem.format(**row)}")


def _once(frame: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """Keep one of several equal rows; refuse two that differ."""
    if not frame.select(key).is_duplicated().any():
        return frame
    low, high = pl.col("value").min().over(key), pl.col("value").max().over(key)
    unlike = (high - low > _SAME * pl.max_horizontal(low.abs(), high.abs())) | (
        pl.col("value").is_null().any().over(key) & pl.col("value").is_not_null().any().over(key)
    )
    both = frame.filter(unlike)
    if both.height:
        same = both.row(0, named=True)
        twins = both.filter(pl.all_horizontal(pl.col(c).eq_missing(pl.lit(same[c])) for c in key))
        other = twins.filter(pl.col("value").ne_missing(pl.lit(same["value"]))).row(0, named=True)
        raise InputError(
            f"{_named(other)}: {other['value']} here, {same['value']} in {same['where']}; take one of the two out"
        )
    return frame.unique(key, keep="first", maintain_order=True)


def _named(row: Mapping[str, object]) -> str:
    leaf = row["subtask"] or row["task"]
    example = f", example {row['example_id']}" if "example_id" in row else ""
    return f"{row['where']}: model '{row['model']}', task '{leaf}', metric '{row['was']}'{example}"
