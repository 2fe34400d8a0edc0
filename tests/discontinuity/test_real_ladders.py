"""What real ladders do: a size that is missing or broken, seeds that lack scores, identical answers, bad numbers."""

import numpy as np
import polars as pl
import pytest

from rescore.discontinuity import Settings, analyse
from rescore.simulate import Truth, simulated_ladder, simulated_scores
from rescore.tables import SCORES, InputError

NLL = "nll_nats_per_token"
QUICK = Settings(draws=199)
STEP = {f"step {i}": Truth(shape="step", tokens=2) for i in range(5)}
SMOOTH = {f"chain {i}": Truth(shape="chain", tokens=1, top_logit=1.5 + 0.2 * i) for i in range(10)}


def planted(truths: dict[str, Truth], models: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    scores = simulated_scores(truths, models, n_items=300, seed=seed)
    return scores.filter(pl.col("metric").is_in(["exact_match", NLL]))


@pytest.mark.parametrize("gone", ["size00-seed0", "size02-seed0", "size09-seed0"])
def test_a_missing_rung_hides_no_step(gone: str) -> None:
    models = simulated_ladder(rungs=10)
    found = analyse(planted(STEP, models).filter(pl.col("model") != gone), models, QUICK)
    assert found.verdicts["verdict"].to_list() == ["cliff"] * 10
    assert found.verdicts["n_rungs"].to_list() == [9] * 10
    assert found.verdicts["reason"].str.contains(f"no scores for {gone}").all()


def test_one_broken_rung_on_a_smooth_curve_is_no_cliff_and_says_nothing_survives() -> None:
    models = simulated_ladder(rungs=10)
    broken = pl.col("model") == "size05-seed0"
    worst = pl.when(pl.col("metric") == NLL).then(12.0).otherwise(0.0)
    scores = planted(SMOOTH, models).with_columns(score=pl.when(broken).then(worst).otherwise("score"))
    found = analyse(scores, models, QUICK)
    assert not (found.verdicts["verdict"] == "cliff").any()
    assert not found.cliffs["label"].is_in(["real", "both"]).any()


def test_a_size_of_two_seeds_of_which_one_was_not_run_keeps_its_rung() -> None:
    models = simulated_ladder(rungs=8, seeds=2)
    scores = planted(STEP, models)
    found = analyse(scores.filter(pl.col("model") != "size03-seed1"), models, QUICK)
    assert found.verdicts["n_rungs"].to_list() == [8] * 10
    assert found.verdicts["verdict"].to_list() == ["cliff"] * 10


def test_models_of_equal_compute_alone_are_no_ladder() -> None:
    models = simulated_ladder(rungs=6).with_columns(compute_flops=pl.lit(1e20))
    verdict = analyse(planted({"t": STEP["step 0"]}, models), models, QUICK).verdicts.row(0, named=True)
    assert (verdict["verdict"], verdict["n_rungs"]) == ("not judged", 1)
    assert verdict["reason"].startswith("the ladder is too short: 1 size over 0.0 decades of compute")


@pytest.mark.parametrize("metric", ["exact_match", "brier_score", NLL])
def test_models_that_answer_alike_are_flat_whatever_the_item(metric: str) -> None:
    items = np.tile(np.random.default_rng(0).integers(0, 2, 200), (6, 1)).astype(float)
    found = analyse(*one_cell(items, metric))
    assert found.verdicts["verdict"].to_list() == ["flat"]


def test_identical_scores_but_for_one_step() -> None:
    """All wrong and then all right: no spread between questions, so only the rungs can tell."""
    items = np.repeat(np.arange(7) > 2, 50).reshape(7, 50).astype(float)
    verdict = analyse(*one_cell(items, "exact_match")).verdicts.row(0, named=True)
    assert (verdict["verdict"], verdict["rise"], verdict["largest_gap"]) == ("cliff", 1.0, 1.0)


def one_cell(items: np.ndarray, metric: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores [models, items], and a ladder of a decade a model."""
    models = [f"m{i}" for i in range(len(items))]
    rows = [
        (m, "t", "t", i, metric, float(s), None)
        for m, own in zip(models, items, strict=True)
        for i, s in enumerate(own)
    ]
    flops = [10.0 ** (18 + i) for i in range(len(items))]
    ladder = pl.DataFrame({"ladder": "L", "model": models, "compute_flops": flops})
    return pl.DataFrame(rows, schema=dict(SCORES.columns), orient="row"), ladder


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_no_number_is_refused_with_its_row(value: float) -> None:
    scores, ladder = one_cell(np.zeros((6, 4)), NLL)
    scores[9, "score"] = value
    with pytest.raises(InputError) as refused:
        analyse(scores, ladder)
    assert str(refused.value) == (
        f"scores: model m2, subtask t, metric {NLL}, example_id 1: {value} is no finite number; "
        "make an undefined score null"
    )
