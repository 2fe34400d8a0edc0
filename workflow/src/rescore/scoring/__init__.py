"""Scores from one extraction: one family of metrics per file, frame in and frame out.

Where an example has several targets, likelihood metrics look at the likeliest of them, edit distances at the nearest,
and exact match accepts any.

The functions of this package take tables of several models at once, each with a column `model`:

- `examples`: EXAMPLES, repeated for each model; `extractions` and `generations`: EXTRACTIONS and GENERATIONS;
- `answers` and `settings`: as the functions of these names in `rescore.bigbench` return them.

Frames of a metric have metric, score and reason (why the score is null): one row per example, in their order.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from rescore.scoring import choice, edit, exact, likelihood
from rescore.scoring.bigbench_metrics import bigbench_scores
from rescore.scoring.guesser import guess
from rescore.scoring.runs import KEYS, filled, placed
from rescore.tables import SCORES

__all__ = ["bigbench_scores", "score"]


def score(
    examples: pl.DataFrame,
    extractions: pl.DataFrame,
    answers: pl.DataFrame,
    settings: Mapping[str, Mapping[str, Any]],
) -> pl.DataFrame:
    """Score models on one task under every metric of `rescore.tables.METRICS`: the table SCORES.

    An undefined score is null with its reason. Exact match and edit distances are defined where a subtask `asks_text`.
    """
    answered = exact.exact_match(examples, answers, settings)
    candidates = placed(extractions, examples).with_columns(total_nats=likelihood.TOTAL_NATS)
    targets = candidates.filter("is_target").pipe(filled, answered.height)
    targets = targets.with_columns(token_accuracy=likelihood.RIGHT_TOKENS.list.mean())
    keys = answered.select("task", *KEYS)
    frames = (
        answered.select("metric", "score", "reason"),
        exact.trimmed(answered),
        *edit.distances(answered, targets),
        exact.teacher_forced(targets),
        *likelihood.metrics(targets),
        *choice.metrics(answered, candidates),
        guess(answered, targets),
    )
    return pl.concat([keys.hstack(frame) for frame in frames]).select(list(SCORES.columns))
