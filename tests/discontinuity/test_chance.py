"""What guessing scores: by hand, and no answer depends on it."""

import numpy as np
import polars as pl
import pytest

from rescore.discontinuity import analyse, chances
from rescore.tables import EXAMPLES, SCORES

GRADE = "multiple_choice_grade"


def examples(target_scores: list[list[float] | None], subtask: str = "t") -> pl.DataFrame:
    n = len(target_scores)
    rows = {"task": "t", "subtask": subtask, "example_id": range(n), "prompt": "", "targets": [[]] * n, "shots": 0}
    choices = [None if scores is None else ["c"] * len(scores) for scores in target_scores]
    rows |= {"choices": choices, "target_scores": target_scores, "seed": 0}
    return pl.DataFrame({c: rows[c] for c in EXAMPLES.columns}, schema=dict(EXAMPLES.columns))


def test_chance_is_the_mean_target_score_of_the_choices() -> None:
    frame = pl.concat(
        [
            examples([[1, 0], [0, 0, 0, 1], [0.5, 0.5, 0.5, 1], None], "two"),  # (1/2 + 1/4 + 5/8) / 3
            examples([[0, 0], [0, 0, 0]], "none right"),
            examples([[1, 1]], "all right"),
            examples([None], "no choices"),
        ]
    )
    assert chances(frame) == pytest.approx({("t", "two", GRADE): 1.375 / 3, ("t", "none right", GRADE): 0.0})


def test_chance_is_told_and_changes_no_answer() -> None:
    rng = np.random.default_rng(0)
    p = 0.25 + 0.7 / (1 + np.exp(-np.linspace(-5, 5, 8)))
    rows = [(f"m{r}", "t", "t", i, GRADE, float(rng.random() < p[r]), None) for r in range(len(p)) for i in range(100)]
    scores = pl.DataFrame(rows, schema=dict(SCORES.columns), orient="row")
    flops = [10 ** (18 + 0.5 * r) for r in range(len(p))]
    ladder = pl.DataFrame({"ladder": "L", "model": [f"m{r}" for r in range(len(p))], "compute_flops": flops})
    plain, above = (analyse(scores, ladder, chances=known) for known in ({}, {("t", "t", GRADE): 0.25}))
    assert (plain.verdicts["chance"][0], above.verdicts["chance"][0]) == (None, 0.25)
    for one, two in zip(plain, above, strict=True):
        assert two.drop("chance", strict=False).equals(one.drop("chance", strict=False))
