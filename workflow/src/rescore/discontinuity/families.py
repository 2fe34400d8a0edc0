"""Tasks whose subtasks differ in the length of their answers, taken together."""

from typing import Any

import numpy as np
import polars as pl
from statsmodels.regression.linear_model import OLS

from rescore.discontinuity.progress import Floats
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
        one = np.ones((used.height, 1))
        log_k = np.column_stack([one, np.log10(used["answer_tokens"].to_numpy())])
        row |= _fit("metric_share", used["metric_share"].to_numpy(), one)
        row |= _fit("acceleration", used["acceleration"].to_numpy(), one)
        rows.append(row | _fit("half_slope_decades_per_decade", used["half_log10_x"].to_numpy(), log_k))
    return pl.DataFrame(rows, schema=dict(FAMILIES.columns))


def _fit(name: str, y: Floats, X: Floats) -> dict[str, float]:
    """The last coefficient of a least-squares fit, with its interval."""
    fit = OLS(y, X).fit()
    low, high = fit.conf_int(alpha=0.1)[-1]
    return {name: float(fit.params[-1]), f"{name}_low": float(low), f"{name}_high": float(high)}
