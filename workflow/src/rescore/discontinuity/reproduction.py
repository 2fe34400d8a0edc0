"""Figures 5 and 6 of Schaeffer et al. (2023, arXiv:2304.15004) from published curves, and our answers beside them."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from rescore.discontinuity.emergence import emergence_score
from rescore.tables import EMERGENCE, METRICS, PREFERRED_METRICS
from rescore.tables.axes import AXES

LINES = 5.0
"""A curve of R sizes shows emergence from a score of LINES (R - 1) on. R - 1 is the score of a straight line, so its
range is five times what its median step, made R - 1 times, would give. The paper gives no threshold."""

_KEY = ["ladder", "task", "subtask"]
_BRIER = ("brier_score", "calibration_multiple_choice_brier_score")  # ours, else BIG-bench's
_ANSWERS = {"cliff": "cliff", "metric": "metric_makes_it", "skill": "skill_broke"}
_SHOTS = r"[@:](\d+|unknown)-shot$"


def emergence(
    curves: pl.DataFrame,
    cliffs: pl.DataFrame,
    preferred: pl.DataFrame,
    listed: Sequence[str],
    *,
    axis: str,
    rungs_min: int,
) -> pl.DataFrame:
    """Score each subtask's curve under its preferred metric, and under Brier score where that is grade.

    `preferred` has task, subtask (without shots), and of the metric it prefers BIG-bench's name (preferred) and ours
    (metric); `listed` are the tasks that were called emergent. Fewer sizes than `rungs_min` make no curve. Returns the
    table EMERGENCE; its answers are those of the subtask's hard metric, null where another metric is preferred.
    """
    scored = _scored(curves, axis, rungs_min)
    bare = pl.col("subtask").is_in(preferred["subtask"].implode())
    named = (
        scored.select(_KEY)
        .unique()
        .with_columns(leaf=pl.when(bare).then("subtask").otherwise(pl.col("subtask").str.replace(_SHOTS, "")))
    )
    wanted = named.join(preferred.rename({"subtask": "leaf"}), on=["task", "leaf"]).drop("leaf")
    brier = scored.filter(pl.col("metric").is_in(_BRIER)).select(
        *_KEY,
        "metric",
        brier_emergence_score="emergence_score",
        brier_emergent="emergent",
        grade=pl.lit("multiple_choice_grade"),
    )
    # Full logs give ours beside BIG-bench's where its number of choices is not known. Ours sorts first.
    brier = brier.sort("metric").unique(_KEY, keep="first", maintain_order=True).drop("metric")
    beside = ["under_brier_score", *_ANSWERS.values()]
    hard = cliffs.select(*_KEY, *beside, metric="hard_metric")
    return (
        wanted.join(scored, on=[*_KEY, "metric"])
        .join(hard, on=[*_KEY, "metric"], how="left")
        .join(brier, left_on=[*_KEY, "metric"], right_on=[*_KEY, "grade"], how="left")
        .with_columns(
            metric="preferred",
            listed=pl.col("task").is_in(list(listed)),
            under_brier_score=pl.when(pl.col("metric") == "multiple_choice_grade").then("under_brier_score"),
        )
        .select(list(EMERGENCE.columns))
        .sort(_KEY)
    )


def preferred_metrics(found: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Count by preferred metric: curves, those that show emergence, and our three answers.

    `found` is the table EMERGENCE; `listed` has task and preferred_score of the tasks that were called emergent, also
    of those without a curve. Returns the table PREFERRED_METRICS: group "all", then "listed"; the most curves first.
    """
    entries = listed.group_by(metric="preferred_score").agg(tasks=pl.len().cast(pl.Int64))
    every = found.group_by("metric").agg(tasks=pl.col("task").n_unique().cast(pl.Int64))
    of_listed = found.filter("listed")
    groups = {
        "all": every.join(_counts(found), on="metric"),
        "listed": entries.join(_counts(of_listed), on="metric", how="left"),
    }
    columns = list(PREFERRED_METRICS.columns)
    rows = [
        frame.with_columns(group=pl.lit(name))
        .with_columns(pl.col(columns[3:]).fill_null(0))
        .select(columns)
        .sort("tasks", "curves", "metric", descending=[True, True, False])
        for name, frame in groups.items()
    ]
    return pl.concat(rows)


def _counts(found: pl.DataFrame) -> pl.DataFrame:
    answers = {
        f"{short}_{answer}": (pl.col(column) == answer).sum()
        for short, column in _ANSWERS.items()
        for answer in ("yes", "no", "open")
    }
    infinite = pl.col("emergent") & pl.col("emergence_score").is_infinite()
    counted = {"curves": pl.len(), "emergent": pl.col("emergent").sum(), "infinite": infinite.sum()} | answers
    return found.group_by("metric").agg(**{name: count.cast(pl.Int64) for name, count in counted.items()})


def _scored(curves: pl.DataFrame, axis: str, rungs_min: int) -> pl.DataFrame:
    """KEY, metric, emergence_score (null of a constant curve) and emergent, of every curve of enough sizes."""
    known = curves.drop_nulls(["mean", axis])
    known = known.with_columns(x=pl.Series(AXES[axis].places(known[axis]), dtype=pl.Float64))
    rungs = known.group_by(*_KEY, "metric", "x").agg(pl.col("mean").mean()).sort(*_KEY, "metric", "x")
    lines = (
        rungs.group_by(*_KEY, "metric", maintain_order=True).agg("mean").filter(pl.col("mean").list.len() >= rungs_min)
    )
    signs = [-1.0 if _falls(metric) else 1.0 for metric in lines["metric"]]
    scores = [float(emergence_score(sign * np.array(mean))) for sign, mean in zip(signs, lines["mean"], strict=True)]
    score = pl.Series("emergence_score", scores, dtype=pl.Float64).fill_nan(None)
    return (
        lines.with_columns(score)
        .with_columns(
            emergent=(pl.col("emergence_score") >= LINES * (pl.col("mean").list.len() - 1)).fill_null(value=False)
        )
        .drop("mean")
    )


def _falls(metric: str) -> bool:
    return metric in _BRIER or (metric in METRICS and not METRICS[metric].higher_is_better)
