"""Curves of which only means are known: what is assumed of their error, and what is refused."""

from typing import Any

import polars as pl
import pytest
from planted_subtasks import kept

from rescore.discontinuity import Analysis, Settings, analyse
from rescore.simulate import Truth, simulated_ladder, simulated_scores
from rescore.tables import AGGREGATES, CLIFFS, CURVES, RISES, SCORES, SEEDS, VERDICTS, InputError

NLL = "nll_nats_per_token"
QUICK = Settings(draws=199)
RISE = [0.05, 0.06, 0.04, 0.9, 0.92, 0.94]
NONE = SCORES.empty()


def ladder(rungs: int, seeds: int = 1) -> pl.DataFrame:
    """m0, m1, ... from 1e18 FLOPs, a decade a size."""
    flops = [10.0 ** (18 + i // seeds) for i in range(rungs * seeds)]
    return pl.DataFrame({"ladder": "L", "model": [f"m{i}" for i in range(rungs * seeds)], "compute_flops": flops})


def given(means: list[float], metric: str = "exact_match", **columns: Any) -> pl.DataFrame:
    """Aggregates of m0, m1, ...: a column is a list or one value for all; what is not given is null."""
    n = len(means)
    columns = {"standard_error": None, "n": None, "chance": None, "reason": None} | columns
    rows = {"model": [f"m{i}" for i in range(n)], "task": ["t"] * n, "subtask": ["t"] * n, "metric": [metric] * n}
    rows |= {"mean": means, **{c: v if isinstance(v, list) else [v] * n for c, v in columns.items()}}
    return pl.DataFrame(rows, schema=dict(AGGREGATES.columns))


def verdict(aggregates: pl.DataFrame, settings: Settings = QUICK) -> dict[str, Any]:
    found = analyse(NONE, ladder(len(aggregates)), settings, aggregates=aggregates)
    for frame, table in zip(found, (CURVES, VERDICTS, CLIFFS, RISES, SEEDS), strict=True):
        assert kept(frame, table)
    return found.verdicts.row(0, named=True)


def test_a_missing_standard_error_is_bounded_by_n_in_the_metrics_own_unit() -> None:
    curves = analyse(NONE, ladder(2), aggregates=given([0.2, 0.5], n=100)).curves
    assert curves["standard_error"].to_list() == pytest.approx([0.04, 0.05])  # sqrt(m (1 - m) / 100)
    brier = analyse(NONE, ladder(2), aggregates=given([0.4, 1.0], "brier_score", n=100)).curves
    assert brier["standard_error"].to_list() == pytest.approx([0.08, 0.1])  # twice as wide, for 0 to 2
    assert brier["mean"].to_list() == [0.4, 1.0]


@pytest.mark.parametrize("known", [{"standard_error": 0.02}, {"n": 200}, {"standard_error": 0.02, "n": 200}])
def test_a_step_is_found_from_means_alone(known: dict[str, Any]) -> None:
    found = verdict(given(RISE, **known), Settings())
    assert found["verdict"] == "cliff"
    assert found["largest_gap"] > 0.8
    assert "aggregates only: no covariance between rungs" in found["reason"]
    assert found["n_items"] == known.get("n")
    assert ("bounded by n" in found["reason"]) == ("standard_error" not in known)


@pytest.mark.parametrize(
    ("aggregates", "reason"),
    [
        (given(RISE), "no standard error, nor n to bound it by, for m0"),
        (given(RISE, n=[9, 9, 9, None, 9, 9]), "nor n to bound it by, for m3"),
        (given([2.0] * 6, NLL, n=100), "no standard error for m0"),
    ],
)
def test_a_cell_without_an_error_is_not_judged_and_says_so(aggregates: pl.DataFrame, reason: str) -> None:
    found = verdict(aggregates)
    assert found["verdict"] == "not judged"
    assert found["reason"].startswith(reason) or reason in found["reason"]
    assert found["first_mean"] == aggregates["mean"][0]


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("n", [1, 2, 1000])
def test_the_same_mean_everywhere_is_no_cliff(level: float, n: int) -> None:
    assert verdict(given([level] * 6, n=n))["verdict"] in ("flat", "saturated", "open", "smooth")


def test_items_and_their_aggregates_tell_nearly_the_same() -> None:
    truths = {
        "step": Truth(shape="step", tokens=2),
        "chain": Truth(shape="chain", tokens=10, top_logit=4.5, logits_per_decade=1.5),
    }
    models = simulated_ladder(rungs=8)
    scores = simulated_scores(truths, models, n_items=500, seed=1)
    items, means = analyse(scores, models), analyse(NONE, models, aggregates=aggregated(scores))
    pairs = means.verdicts.join(items.verdicts, on=["task", "metric"], suffix="_items")
    assert pairs.height == means.verdicts.height == items.verdicts.height
    for row in pairs.iter_rows(named=True):
        assert row["verdict"] == row["verdict_items"] or "open" in (row["verdict"], row["verdict_items"])
        assert row["p_cliff"] == pytest.approx(row["p_cliff_items"], abs=0.1)
    for column in ("mean", "standard_error", "n"):
        assert means.curves[column].to_list() == pytest.approx(items.curves[column].to_list())
    assert means.verdicts["rise"].to_list() == pytest.approx(items.verdicts["rise"].to_list())
    told = [found.cliffs.sort("task").select("metric_makes_it", "skill_broke").rows() for found in (items, means)]
    assert told[0] == [("yes", "no"), ("no", "yes")]
    assert told[1] == [("yes", "no"), ("no", "open")]  # a break is one of items, and these are not known


def aggregated(scores: pl.DataFrame) -> pl.DataFrame:
    score = pl.col("score")
    rows = scores.group_by("model", "task", "subtask", "metric", maintain_order=True).agg(
        mean=score.mean(), standard_error=score.std() / pl.len().sqrt(), n=pl.len().cast(pl.Int64)
    )
    unknown = {"chance": pl.lit(None, pl.Float64), "reason": pl.lit(None, pl.String)}
    return rows.with_columns(**unknown).select(list(AGGREGATES.columns))


def test_seeds_are_one_rung_and_rows_in_any_order_are_the_same() -> None:
    rows = given([0.1, 0.3, 0.2, 0.4, 0.5, 0.5, 0.6, 0.8, 0.7, 0.7, 0.9, 0.9], n=100)
    found = analyse(NONE, ladder(6, seeds=2), QUICK, aggregates=rows)
    row = found.verdicts.row(0, named=True)
    assert (row["n_rungs"], row["n_items"]) == (6, 100)
    assert row["first_mean"] == pytest.approx(0.2)
    shuffled = analyse(NONE, ladder(6, seeds=2).reverse(), QUICK, aggregates=rows.reverse())
    for one, two in zip(found, shuffled, strict=True):
        assert one.equals(two)


def test_a_model_without_a_mean_is_left_out_and_told() -> None:
    found = analyse(NONE, ladder(7), QUICK, aggregates=given(RISE, n=100))
    assert "no scores for m6" in found.verdicts["reason"][0]
    assert found.curves["n"].to_list() == [100] * 6 + [0]
    assert found.curves["mean"][6] is None


def mixed() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items of m0 and m1, means of m2 to m5."""
    items = [("m0", i, float(i == 0)) for i in range(20)] + [("m1", i, float(i < 2)) for i in range(20)]
    rows = [(model, "t", "t", i, "exact_match", score, None) for model, i, score in items]
    return pl.DataFrame(rows, schema=dict(SCORES.columns), orient="row"), given(RISE, n=20)[2:]


def test_models_with_items_and_models_with_means_share_a_curve() -> None:
    scores, aggregates = mixed()
    found = analyse(scores, ladder(6), QUICK, aggregates=aggregates)
    assert found.curves["mean"].to_list() == pytest.approx([0.05, 0.1, *RISE[2:]])
    assert found.curves["standard_error"][0] == pytest.approx(0.05)  # sd of 1 in 20, sqrt(.05), over sqrt(20)
    assert found.verdicts["n_rungs"].to_list() == [6]
    assert "aggregates only" in found.verdicts["reason"][0]


def test_a_cell_from_items_and_from_aggregates_is_refused() -> None:
    scores, aggregates = mixed()
    both = pl.concat([aggregates, given(RISE, n=20)[:1]])
    with pytest.raises(InputError, match=r"^aggregates: model m0, task t, subtask t, metric exact_match: has item"):
        analyse(scores, ladder(6), aggregates=both)


def change(row: int, **values: Any) -> pl.DataFrame:
    good = given(RISE, n=100, standard_error=0.01, chance=0.25)
    for column, value in values.items():
        good[row, column] = value
    return good


@pytest.mark.parametrize(
    ("aggregates", "says"),
    [
        (change(2, mean=float("nan")), "model m2, task t, subtask t, metric exact_match: mean nan is no finite number"),
        (change(3, mean=float("inf")), "model m3, task t, subtask t, metric exact_match: mean inf is no finite"),
        (change(1, mean=1.2), "model m1, task t, subtask t, metric exact_match: mean 1.2 is outside 0 to 1"),
        (change(4, standard_error=-0.1), "model m4, task t, subtask t, metric exact_match: standard_error -0.1"),
        (change(4, standard_error=float("nan")), "model m4, task t, subtask t, metric exact_match: standard_error nan"),
        (change(0, n=0), "model m0, task t, subtask t, metric exact_match: n is 0"),
        (change(0, chance=1.0), "model m0, task t, subtask t, metric exact_match: chance 1.0 is not from 0"),
        (change(5, chance=0.2501), "model m5, task t, subtask t, metric exact_match: chance 0.2501 is 0.25 elsewhere"),
        (change(5, chance=0.5), "model m5, task t, subtask t, metric exact_match: chance 0.5 is 0.25 elsewhere"),
        (pl.concat([given(RISE), given(RISE)[3:4]]), "model m3, task t, subtask t, metric exact_match: is given twice"),
        (given(RISE).drop("n"), "column 'n' is missing; it needs model, task,"),
    ],
)
def test_rows_that_cannot_be_means_are_refused_in_one_line(aggregates: pl.DataFrame, says: str) -> None:
    with pytest.raises(InputError, match=r"^[^\n]*$") as refused:
        analyse(NONE, ladder(6), aggregates=aggregates)
    assert str(refused.value).startswith(f"aggregates: {says}")


def test_the_chance_of_a_likelihood_is_not_taken_for_one() -> None:
    assert verdict(given([2.0] * 6, NLL, standard_error=0.1, chance=0.25))["chance"] is None
    assert verdict(given(RISE, n=100, chance=0.25))["chance"] == 0.25


def test_metrics_of_ones_own_have_curves_alone() -> None:
    found: Analysis = analyse(NONE, ladder(6), aggregates=given([-3.0, 7.0] * 3, "a metric of one's own"))
    assert found.curves["mean"].to_list() == [-3.0, 7.0] * 3
    assert found.verdicts.is_empty()
