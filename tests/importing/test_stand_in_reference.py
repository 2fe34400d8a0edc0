"""NLL per answer stands in for NLL per token in the label of a subtask, and only where that is missing."""

import polars as pl
import pytest

from rescore.discontinuity import Settings, analyse
from rescore.tables import AGGREGATES, SCORES

QUICK = Settings(draws=199)
LADDER = pl.DataFrame(
    [("f", f"m{i}", 10.0 ** (18 + i / 2)) for i in range(8)], ["ladder", "model", "compute_flops"], orient="row"
)
STEP = {
    "exact_match": [0.02, 0.02, 0.03, 0.02, 0.9, 0.91, 0.9, 0.92],
    "nll_nats_per_answer": [4.0, 4.1, 3.9, 4.0, 0.11, 0.1, 0.1, 0.09],
}


def answers(**curves: list[float]) -> tuple[str | None, ...]:
    rows = [
        (f"m{i}", "t", "t", metric, mean, 0.01 if metric == "exact_match" else 0.02 * mean, 500, None, None)
        for metric, means in curves.items()
        for i, mean in enumerate(means)
    ]
    means = pl.DataFrame(rows, schema=dict(AGGREGATES.columns), orient="row")
    found = analyse(SCORES.empty(), LADDER, QUICK, aggregates=means).cliffs
    return found.select("cliff", "metric_makes_it", "skill_broke", "label").row(0)


def test_a_step_in_both_is_not_the_metrics() -> None:
    assert answers(**STEP) == ("yes", "no", "open", "open")  # without items no break is called one


def test_without_any_nll_the_first_question_alone_is_answered() -> None:
    assert answers(exact_match=STEP["exact_match"]) == ("yes", None, None, "no likelihood")


@pytest.mark.parametrize("better", [True, False])
def test_nll_per_token_goes_first_where_it_is_known(better: bool) -> None:
    smooth = [3.0 * 0.7**i for i in range(8)]
    per_token = smooth if better else STEP["nll_nats_per_answer"]
    found = answers(**STEP, nll_nats_per_token=per_token)
    assert found[1:] == (("yes", "no", "mirage") if better else ("no", "open", "open"))
