"""Multiple choice: the choices of every example, and from them grade, probability of the right one, Brier score."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from rescore.scoring.runs import Runs, filled, find

NO_CHOICES = "the example has no choices"
UNSCORED = "a choice has no token, or no finite log-probability"
NO_CORRECT = "no choice is correct: no target score is above 0"
NEGATIVE = "a target score is negative, so the scores make no distribution"


@dataclass(frozen=True)
class Choices:
    """All choices of those examples that have some, each with a finite log-probability."""

    rows: np.ndarray  # places of these examples in the table of all: [examples]
    n_choices: np.ndarray  # how many choices each example of that table has
    runs: Runs  # the choices of each example, in the example's order
    texts: pl.Series  # [choices]
    total_nats: np.ndarray  # log-probability: [choices]
    scores: np.ndarray  # target score: [choices]

    @cached_property
    def pick(self) -> np.ndarray:
        """The likeliest choice, the first of equals (BIG-bench breaks ties by a hash): [examples]."""
        return self.runs.best(self.total_nats)

    @cached_property
    def p(self) -> np.ndarray:
        """Probabilities among the choices of the example, softmax of the log-probabilities: [choices]."""
        weight = np.exp(self.total_nats - self.runs.spread(self.total_nats[self.pick]))
        p: np.ndarray = weight / self.runs.spread(self.runs.sum(weight))
        return p

    @cached_property
    def mass(self) -> np.ndarray:
        """Sum of the target scores: [examples]."""
        return self.runs.sum(self.scores)

    @cached_property
    def t(self) -> np.ndarray:
        """Target scores over their sum, 0 where that is 0: [choices]."""
        t: np.ndarray = self.scores / self.runs.spread(np.where(self.mass == 0, np.inf, self.mass))
        return t

    def frame(self, values: pl.DataFrame) -> pl.DataFrame:
        """Add a row of nulls, with the reason, for each example that is not among `rows`: one row per example."""
        values = values.with_columns(row=pl.Series(self.rows, dtype=pl.UInt32), scored=True)
        none, unscored = pl.Series(self.n_choices == 0), pl.col("scored").is_null()
        reason = pl.when(none).then(pl.lit(NO_CHOICES)).when(unscored).then(pl.lit(UNSCORED))
        return filled(values, len(self.n_choices)).with_columns(reason=reason).drop("row", "scored")


def choices(examples: pl.DataFrame, candidates: pl.DataFrame) -> Choices:
    """Find the log-probabilities of the choices; `candidates` is what `runs.placed` makes of them, with total_nats."""
    n_choices = examples["choices"].list.len().fill_null(0).to_numpy().astype(np.int64)  # [examples]
    texts, scores = (examples[c].explode(empty_as_null=False, keep_nulls=False) for c in ("choices", "target_scores"))
    offered = candidates.select("row", "candidate", "is_choice", "total_nats").filter("is_choice")
    at = find(texts, n_choices, offered["candidate"], np.bincount(offered["row"], minlength=examples.height))
    total = np.append(offered["total_nats"].to_numpy(), np.nan)[at]  # the last where `at` is -1
    rows = np.flatnonzero(n_choices)
    scored = np.isfinite(Runs(n_choices[rows]).sum(total))
    if not scored.all():
        kept = np.repeat(scored, n_choices[rows])
        rows, total, texts, scores = rows[scored], total[kept], texts.filter(kept), scores.filter(kept)
    return Choices(rows, n_choices, Runs(n_choices[rows]), texts, total, scores.to_numpy())


def metrics(examples: pl.DataFrame, candidates: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Multiple-choice grade, probability of the right choices and Brier score of every example.

    With p the probabilities among the choices and y the target scores over their sum:

    - multiple_choice_grade: the target score of the likeliest choice, the first of equals; higher is better;
    - choice_probability: sum of p over the choices whose target score is above 0; higher is better;
    - brier_score = sum_c (p_c - y_c)^2 in [0, 2] (Brier 1950; Schaeffer et al. 2023, section 4); lower is better; null
      where a target score is negative. BIG-bench's `calibration_multiple_choice_brier_score` is another number.
    """
    found = choices(examples, candidates)
    of_scored = {
        "grade": found.scores[found.pick],
        "right": found.runs.sum(np.where(found.scores > 0, found.p, 0.0)).clip(0.0, 1.0),
        "brier": found.runs.sum((found.p - found.t) ** 2),
        "highest": found.runs.max(found.scores),
        "lowest": -found.runs.max(-found.scores),
    }
    values = found.frame(pl.DataFrame(of_scored))
    yield values.select(metric=pl.lit("multiple_choice_grade"), score="grade", reason="reason")
    no_right = pl.coalesce("reason", pl.when(pl.col("highest") <= 0).then(pl.lit(NO_CORRECT)))
    right = pl.when(no_right.is_null()).then("right")
    yield values.select(metric=pl.lit("choice_probability"), score=right, reason=no_right)
    reason = pl.coalesce(no_right, pl.when(pl.col("lowest") < 0).then(pl.lit(NEGATIVE)))
    yield values.select(metric=pl.lit("brier_score"), score=pl.when(reason.is_null()).then("brier"), reason=reason)
