"""Tables to diagnose: curves from means, verdicts from a few columns, and simulated runs of known truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from rescore.discontinuity import Analysis, Settings, analyse
from rescore.simulate import Truth, simulated_ladder, simulated_scores
from rescore.tables import CURVES, GRADING, VERDICTS

QUICK = Settings(draws=199)
NO_GRADING = GRADING.empty()


def curves(
    x: Sequence[float],
    means: Mapping[tuple[str, str], Sequence[float]],
    *,
    task: str = "task",
    standard_error: float | None = 0.01,
    n: int | None = 500,
) -> pl.DataFrame:
    """CURVES of one task; `means` by (subtask, metric), one model a place `x` in log10 FLOPs."""
    rows = [
        ("ladder", f"model{i:02d}", 10 ** x[i], None, None, task, subtask, metric, float(mean), standard_error, n)
        for (subtask, metric), values in means.items()
        for i, mean in enumerate(values)
    ]
    return pl.DataFrame(rows, schema=dict(CURVES.columns), orient="row")


def verdicts(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """VERDICTS of curves that rise, changed by each row."""
    base = dict.fromkeys(VERDICTS.columns) | {
        "ladder": "ladder",
        "task": "task",
        "subtask": "subtask",
        "metric": "exact_match",
        "verdict": "smooth",
        "reason": "",
        "n_items": 500,
        "first_mean": 0.1,
        "last_mean": 0.9,
        "p_cliff": 0.5,
    }
    return pl.DataFrame([base | dict(row) for row in rows], schema=dict(VERDICTS.columns))


def family(truths: Mapping[str, Truth], *, rungs: int = 10, n_items: int = 300, seed: int = 0) -> Analysis:
    """Test simulated subtasks of one task, "family"."""
    ladder = simulated_ladder(rungs=rungs)
    scores = simulated_scores(truths, ladder, n_items=n_items, seed=seed)
    return analyse(scores.with_columns(task=pl.lit("family")), ladder, QUICK)


def expit(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z))."""
    return 1 / (1 + np.exp(-z))
