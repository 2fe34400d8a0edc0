"""The summary of a run: answers counted per question, and per task whose subtasks differ in the answers' length."""

from typing import Any

import numpy as np
import polars as pl
from scipy.stats import linregress
from scipy.stats import t as student

from rescore.discontinuity.seeds import wilson
from rescore.tables import FAMILIES, HEADLINE
from rescore.tables.metrics import HEADLINE_METRICS

_DRAWS = 2_000
_SUBTASKS_MIN = 4
_FITTED_MIN = 3  # two points lie on any line
_QUESTIONS = {"cliff": "p_cliff", "metric_makes_it": "p_metric", "skill_broke": "p_skill"}


def headline(cliffs: pl.DataFrame, verdicts: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Count the answers, and the cliffs that disappear (yes) or survive (no) under each soft metric.

    A count of answers carries the number of them that is expected to be false: the sum of 1 - P over the yes and of P
    over the no, P the chance that the yes holds. `share_low` counts open ones as no, `share_high` as yes; the share of
    the decided has a 95% interval by resampling tasks, since the subtasks of a task are not independent; where all
    agree, Wilson's interval of as many trials as there are tasks. Questions 2 and 3 count cliffs alone.

    `cliffs` and `verdicts` are the tables CLIFFS and VERDICTS, of one ladder or of several counted together.
    """
    rows = []
    found = cliffs.filter(pl.col("cliff") == "yes")
    for question, chance in _QUESTIONS.items():
        asked = (cliffs if question == "cliff" else found).select("task", answer=question, p=chance)
        rows.append(_row(question, asked, seed))
    soft = verdicts.select("ladder", "task", "subtask", "metric", p=1 - pl.col("p_cliff"))
    for metric in HEADLINE_METRICS:
        of = soft.filter(metric=metric).drop("metric")
        named = {"disappears": "yes", "survives": "no"}
        asked = found.join(of, on=["ladder", "task", "subtask"], how="left").select(
            "task", "p", answer=pl.col(f"under_{metric}").replace(named)
        )
        if asked["answer"].count():
            rows.append(_row(f"under_{metric}", asked, seed))
    return pl.DataFrame(rows, schema=dict(HEADLINE.columns), orient="row")


def _row(question: str, asked: pl.DataFrame, seed: int) -> tuple[Any, ...]:
    """One row from task, answer and the chance p that a yes holds."""
    asked = asked.drop_nulls("answer")
    yes, no, n = (asked.filter(answer="yes"), asked.filter(answer="no"), asked.height)
    false = float((1 - yes["p"].fill_null(1.0).to_numpy()).sum() + no["p"].fill_null(0.0).to_numpy().sum())
    shares = (yes.height / n, 1 - no.height / n) if n else (None, None)
    return (question, n, yes.height, no.height, n - yes.height - no.height, false, *shares, *_decided(asked, seed))


def _decided(asked: pl.DataFrame, seed: int) -> tuple[float | None, float | None, float | None]:
    """Share of yes among the decided, with its interval over tasks."""
    by_task = (
        asked.filter(pl.col("answer").is_in(["yes", "no"]))
        .group_by("task", maintain_order=True)
        .agg(yes=(pl.col("answer") == "yes").sum(), n=pl.len())
    )
    if by_task.is_empty():
        return None, None, None
    yes, n = by_task["yes"].to_numpy().astype(float), by_task["n"].to_numpy().astype(float)
    share = float(yes.sum() / n.sum())
    if len(n) == 1:
        return share, None, None
    if share in (0.0, 1.0):  # every draw is the same: no spread is not no doubt
        low, high = wilson(round(share * len(n)), len(n))
    else:
        picks = np.random.default_rng(seed).integers(0, len(n), (_DRAWS, len(n)))
        low, high = np.quantile(yes[picks].sum(1) / n[picks].sum(1), [0.025, 0.975])
    return share, float(low), float(high)


def families(cliffs: pl.DataFrame) -> pl.DataFrame:
    """M, alpha, and where exact match rises against the number of tokens, of each family.

    docs/method.md derives the slope of a chain. M and alpha are means over the subtasks with a cliff, null of fewer
    than three. Intervals are Student's t over the subtasks, 90%.

    Returns the table FAMILIES: one row per ladder and task with four subtasks or more of different mean length; null
    with a reason where fewer than three of them rise.
    """
    rows = []
    known = cliffs.filter(pl.col("hard_metric") == "exact_match").drop_nulls("answer_tokens")
    for (ladder, task), family in sorted(known.partition_by(["ladder", "task"], as_dict=True).items()):
        k = family["answer_tokens"].round(2)
        if k.n_unique() < _SUBTASKS_MIN:
            continue
        used = family.drop_nulls(["half_log10_x", "metric_share", "acceleration"])
        row: dict[str, Any] = dict.fromkeys(FAMILIES.columns) | {
            "ladder": ladder,
            "task": task,
            "subtasks": family.height,
            "fitted": used.height,
            "answer_tokens_min": float(family["answer_tokens"].to_numpy().min()),
            "answer_tokens_max": float(family["answer_tokens"].to_numpy().max()),
        }
        if used["answer_tokens"].round(2).n_unique() < _FITTED_MIN:
            rows.append(row | {"reason": f"{used.height} of {family.height} subtasks rise, three are needed"})
            continue
        sudden = used.filter(pl.col("cliff") == "yes")
        if sudden.height < _FITTED_MIN:
            row["reason"] = f"{sudden.height} of {family.height} subtasks have a cliff, M and alpha need three"
        else:
            for name in ("metric_share", "acceleration"):
                y = sudden[name].to_numpy()
                row |= _with_interval(name, float(y.mean()), float(y.std(ddof=1)) / np.sqrt(len(y)), len(y) - 1)
        line = linregress(np.log10(used["answer_tokens"].to_numpy()), used["half_log10_x"].to_numpy())
        slope = "half_slope_decades_per_decade"
        rows.append(row | _with_interval(slope, float(line.slope), float(line.stderr), used.height - 2))
    return pl.DataFrame(rows, schema=dict(FAMILIES.columns))


def _with_interval(name: str, value: float, error: float, freedom: int) -> dict[str, float]:
    half = float(student.ppf(0.95, freedom)) * error
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}
