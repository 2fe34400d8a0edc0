"""Tasks whose subtasks differ in the length of their answers, taken together."""

from typing import Any

import numpy as np
import polars as pl
from scipy.stats import linregress
from scipy.stats import t as student

from rescore.tables import FAMILIES

SUBTASKS_MIN = 4
_FITTED_MIN = 3  # two points lie on any line


def families(cliffs: pl.DataFrame) -> pl.DataFrame:
    """M, alpha, and where exact match rises against the number of tokens, of each family.

    Of a chain of k tokens, each right with logit beta (x - x0), exact match is one half at x0 + log(k / ln 2) / beta to
    first order: the slope of the 50% point on log10 k is ln(10) / beta decades for a tenfold of k. M and alpha are
    means over the subtasks; all intervals are Student's t over the subtasks, 90%.

    Parameters
    ----------
    cliffs
        The table CLIFFS.

    Returns
    -------
    pl.DataFrame
        The table FAMILIES: one row per ladder and task with four subtasks or more of different mean length; null with
        a reason where fewer than three of them rise.
    """
    rows = []
    known = cliffs.filter(pl.col("hard_metric") == "exact_match").drop_nulls("answer_tokens")
    for (ladder, task), family in sorted(known.partition_by(["ladder", "task"], as_dict=True).items()):
        k = family["answer_tokens"].round(2)
        if k.n_unique() < SUBTASKS_MIN:
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
        for name in ("metric_share", "acceleration"):
            y = used[name].to_numpy()
            row |= _with_interval(name, float(y.mean()), float(y.std(ddof=1)) / np.sqrt(len(y)), len(y) - 1)
        line = linregress(np.log10(used["answer_tokens"].to_numpy()), used["half_log10_x"].to_numpy())
        slope = "half_slope_decades_per_decade"
        rows.append(row | _with_interval(slope, float(line.slope), float(line.stderr), used.height - 2))
    return pl.DataFrame(rows, schema=dict(FAMILIES.columns))


def _with_interval(name: str, value: float, error: float, freedom: int) -> dict[str, float]:
    """A value and its 90% interval by Student's t."""
    half = float(student.ppf(0.95, freedom)) * error
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}
