"""From subtasks to their task, and to the normalised score, as BIG-bench reports them."""

from collections.abc import Mapping
from typing import Any

import polars as pl

NORMALIZED_AGGREGATE = "normalized_aggregate_score"

RANGES: Mapping[str, tuple[float, float]] = {
    "exact_str_match": (0.0, 1.0),
    "case_insensitive_str_match": (0.0, 1.0),
    "numeric_match_with_0_1_relative_error": (0.0, 1.0),
    "sequence_f1": (0.0, 100.0),
    "bleu": (0.0, 100.0),
    "bleurt": (-0.1, 1.1),
    "rouge1": (0.0, 100.0),
    "rouge2": (0.0, 100.0),
    "rougeLsum": (0.0, 100.0),
    "log_likelihood": (-10.0, 0.0),
    "multiple_choice_grade": (0.0, 1.0),
    "calibration_multiple_choice_brier_score": (0.0, 1.0),
    "expected_calibration_error": (0.0, 1.0),
    "weighted_log_probabilities": (-10.0, 0.0),
    "weighted_probabilities": (-1.0, 1.0),
    "macro_f1": (0.0, 1.0),
}
"""By metric, the scores that are normalised to 0 and 100 (`SCORE_RANGES` of the reference). For multiple_choice_grade
the low score is that of a random choice."""

NOT_NAMED = "its preferred score is none of its metrics"
NO_RANGE = "its preferred score has no range, or no low score below the high one"

_ROW = ("model", "task", "subtask", "metric", "value", "standard_error", "n", "normalized", "reason")


def with_aggregates(
    rows: pl.DataFrame, examples: pl.DataFrame, settings: Mapping[str, Mapping[str, Any]]
) -> pl.DataFrame:
    """Normalise the preferred scores of subtasks and add the rows of their tasks.

    - normalized = 100 (value - low) / (high - low) for the preferred metric of a subtask, with `RANGES`. The low score
      of multiple_choice_grade is the `chance` of the settings, else what a random choice gets on the given examples.
    - A task's row is, for every metric, the unweighted mean over the subtasks that have it (`add_aggregate_scores` in
      the reference), null where one of these is; its standard error treats the subtasks as independent.
    - A task's normalized_aggregate_score is the mean of its subtasks' normalised preferred scores. A task without
      subtasks is its own subtask, and gets this row alone.
    - Where all subtasks prefer multiple_choice_grade, a task's row is `normalized` like theirs, with the mean of their
      low scores; elsewhere it is its normalized_aggregate_score.

    Returns `_ROW`, sorted by model, task and subtask, a task's own rows first.
    """
    own = pl.col("subtask") == pl.col("task")
    graded = pl.col("preferred") == "multiple_choice_grade"
    normalized = 100 * (pl.col("value") - pl.col("low")) / (pl.col("high") - pl.col("low"))
    scales = _scales(examples, settings)
    rows = (
        rows.join(scales, on=["model", "subtask"])
        .with_columns(normalized=pl.when(pl.col("metric") == pl.col("preferred")).then(normalized))
        .sort("subtask", "metric")
    )
    named = rows.with_columns(reason=pl.format("{}: {}", "subtask", "reason"))
    means = _means(pl.concat([named.filter(~own).select(_MEANS), _normalized(named, scales)]))
    tasks = scales.group_by("model", "task").agg(
        all_graded=graded.all(), leaf=own.any(), low=pl.col("low").mean(), high=1.0
    )
    means = means.join(tasks, on=["model", "task"]).with_columns(
        subtask="task",
        normalized=pl.when("all_graded")
        .then(pl.when(pl.col("metric") == "multiple_choice_grade").then(normalized))
        .when(pl.col("metric") == NORMALIZED_AGGREGATE, ~pl.col("leaf"))
        .then("value"),
    )
    return pl.concat([rows.select(_ROW), means.select(_ROW)]).sort("model", "task", "subtask", "metric")


def _scales(examples: pl.DataFrame, settings: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """By model and subtask: task, preferred metric, and its low and high score, null where it has no range."""
    graded = pl.col("preferred") == "multiple_choice_grade"
    preferred = {subtask: rules["preferred_score"] for subtask, rules in settings.items()}
    chance = {subtask: rules.get("chance") for subtask, rules in settings.items()}
    ranges = [(metric, *bounds) for metric, bounds in RANGES.items()]
    bounds = pl.DataFrame(ranges, schema={"preferred": pl.String, "low": pl.Float64, "high": pl.Float64}, orient="row")
    return (
        examples.group_by("model", "task", "subtask", maintain_order=True)
        .agg(seen=pl.col("target_scores").list.mean().mean())
        .with_columns(pl.col("model").cast(pl.String))  # as in the rows, where it may be an Enum in the examples
        .with_columns(chance=pl.col("subtask").replace_strict(chance, default=None, return_dtype=pl.Float64))
        .with_columns(preferred=pl.col("subtask").replace_strict(preferred, return_dtype=pl.String))
        .join(bounds, on="preferred", how="left", maintain_order="left")
        .with_columns(low=pl.when(graded).then(pl.coalesce("chance", "seen")).otherwise("low"))
        .with_columns(low=pl.when(pl.col("low") < pl.col("high")).then("low"))
        .drop("chance", "seen")
    )


_MEANS = ("model", "task", "metric", "value", "standard_error", "n", "reason")


def _normalized(rows: pl.DataFrame, scales: pl.DataFrame) -> pl.DataFrame:
    chosen = rows.filter(pl.col("metric") == pl.col("preferred")).select(
        "model", "subtask", "standard_error", "n", "reason", value="normalized", scored=pl.lit(True)
    )
    named, ranged = pl.col("scored").is_not_null(), pl.col("low").is_not_null()
    unscored = pl.when(~named).then(pl.lit(NOT_NAMED)).when(~ranged).then(pl.lit(NO_RANGE))
    found = scales.join(chosen, on=["model", "subtask"], how="left", maintain_order="left").with_columns(
        metric=pl.lit(NORMALIZED_AGGREGATE),
        standard_error=100 * pl.col("standard_error") / (pl.col("high") - pl.col("low")),
        n=pl.col("n").fill_null(0),
        reason=pl.coalesce("reason", pl.format("{}: {}", "subtask", unscored)),
    )
    return found.select(_MEANS)


def _means(frame: pl.DataFrame) -> pl.DataFrame:
    """Take the mean over the subtasks of each model, task and metric; null, with a reason, where one of them is."""
    value, error = pl.col("value"), pl.col("standard_error")
    absent = value.is_null()
    return frame.group_by("model", "task", "metric", maintain_order=True).agg(
        value=pl.when(~absent.any()).then(value.mean()),
        standard_error=pl.when(~error.is_null().any()).then((error**2).sum().sqrt() / pl.len()),
        n=pl.col("n").sum(),
        reason=pl.coalesce(pl.col("reason").filter(absent).first(), pl.col("reason").drop_nulls().first()),
    )
