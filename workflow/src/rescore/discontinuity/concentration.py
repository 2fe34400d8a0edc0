"""How the tasks that were called emergent are scored: the share that prefers a metric that moves in jumps."""

import math

import numpy as np
import polars as pl
from scipy.stats import fisher_exact

from rescore.discontinuity.seeds import wilson
from rescore.tables import CONCENTRATION

HARD_PREFERRED = ("exact_str_match", "multiple_choice_grade")
"""BIG-bench's names of the two metrics; as `rescore.tables.metrics.HARD_METRICS`, which are ours."""


def concentration(leaves: pl.DataFrame) -> pl.DataFrame:
    """Count the tasks that prefer exact match or multiple-choice grade, among the emergent and among the others.

    Schaeffer et al. (2023, arXiv:2304.15004, section 4) find that more than 92% of the emergent abilities claimed on
    BIG-Bench appear under one of these two metrics. (That is where they appear, not how many disappear under another.)
    They count pairs of task and metric by hand annotation, this counts tasks by `preferred_score`. A task counts as
    `hard_preferred` where every leaf prefers one of the two, as `mixed` where some do.

    `leaves` has one row per leaf: task, preferred_score (BIG-bench's name) and emergent (the same for a task's leaves).
    Returns the table CONCENTRATION: the row "emergent", which has the odds ratio and Fisher's p (two-sided) too, then
    the row "other". A share without tasks is null, and so is an odds ratio with an empty cell.

    >>> preferred = ["exact_str_match", "bleu", "bleu"]
    >>> leaves = pl.DataFrame({"task": ["a", "b", "b"], "preferred_score": preferred, "emergent": [True, False, False]})
    >>> concentration(leaves).select("group", "tasks", "hard_preferred", "share", "p_fisher").rows()
    [('emergent', 1, 1, 1.0, 1.0), ('other', 1, 0, 0.0, None)]
    """
    hard = pl.col("preferred_score").is_in(HARD_PREFERRED)
    by_task = leaves.group_by("task").agg(pl.col("emergent").first(), every=hard.all(), some=hard.any())
    counts, shares = [], []
    for emergent in (True, False):
        tasks = by_task.filter(pl.col("emergent") == emergent)
        n, every = tasks.height, int(tasks["every"].sum())
        counts.append((n, every, int(tasks["some"].sum()) - every))
        shares.append((every / n, *wilson(every, n)) if n else (None, None, None))
    compared = _compare(*counts[0][:2], *counts[1][:2])
    rows = [("emergent", *counts[0], *shares[0], *compared), ("other", *counts[1], *shares[1], None, None)]
    return pl.DataFrame(rows, schema=dict(CONCENTRATION.columns), orient="row")


def _compare(tasks: int, hard: int, other_tasks: int, other_hard: int) -> tuple[float | None, float | None]:
    """Odds ratio and Fisher's p of the 2 x 2 table of group and preference."""
    if not tasks or not other_tasks:
        return None, None
    found = fisher_exact(np.array([[hard, tasks - hard], [other_hard, other_tasks - other_hard]]))
    ratio = float(found.statistic)
    return (ratio if math.isfinite(ratio) and ratio > 0 else None), float(found.pvalue)
