"""Forecasts of planted laws: right on the law, blind to what they forecast, split by the elbow, null where untold."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves, expit, verdicts

from rescore.discontinuity.conventions import CONVENTIONS
from rescore.planning import forecast_counts, forecasts
from rescore.planning.curves import read_curves
from rescore.planning.forecasts import MEAN
from rescore.planning.tournament import Told, tournament, unscaled
from rescore.tables import FORECAST_COUNTS, FORECASTS

X = np.linspace(18, 24, 12)
NLL, EM, EDIT, GRADE = "nll_nats_per_token", "exact_match", "token_edit_distance", "multiple_choice_grade"
LAW = 3.0 * 10 ** (-0.25 * (X - 18))  # nats, the floor of .01 in it


def by_form(frame: pl.DataFrame, metric: str) -> dict[str, dict[str, object]]:
    return {row["form"]: row for row in frame.filter(metric=metric).rows(named=True)}


@pytest.mark.parametrize(
    ("form", "loss"),
    [
        ("power law", LAW),
        ("power law with offset", 0.8 + 2.0 * 10 ** (-0.5 * (X - 18))),
        ("broken power law", 3 * 10 ** (-0.1 * (X - 18)) * (1 + 10 ** ((X - 20) / 0.3)) ** (-0.3 * 0.3)),
    ],
)
def test_a_law_of_nats_is_forecast_by_its_form(form: str, loss: np.ndarray) -> None:
    found = by_form(forecasts(curves(X, {("sub", NLL): loss - 0.01}, standard_error=0.0005)), NLL)
    assert set(found) == {MEAN, "power law", "power law with offset", "broken power law"}
    assert found[form]["n_rungs_fitted"] == 8  # 60% of 12, rounded up
    assert abs(found[form]["relative_error"]) < 0.15
    assert found[form]["inside_interval"]
    assert found["power law"]["held_out_error"] < 0.5 or form != "power law"  # of a standard error, rung noise in it
    assert found[MEAN]["forecast_low"] < found[MEAN]["forecast"] < found[MEAN]["forecast_high"]


@pytest.mark.parametrize(
    ("form", "score"),
    [
        ("line in logits", expit(0.8 * (X - 21))),
        ("power law in log accuracy", np.exp(-6.0 * 10 ** (-0.3 * (X - 18)))),
        ("two stages", expit(1.5 - 2.5 * (LAW - 0.01))),
    ],
)
def test_a_score_is_forecast_by_its_form(form: str, score: np.ndarray) -> None:
    means = {("sub", EM): score, ("sub", EDIT): 1 - score, ("sub", NLL): LAW - 0.01}
    found = forecasts(curves(X, means, n=100_000, standard_error=0.001))
    exact, edit = by_form(found, EM), by_form(found, EDIT)
    assert len(exact) == len(edit) == 5
    assert abs(exact[form]["relative_error"]) < 0.03
    assert exact[form]["within_5_percent"]
    assert exact[form]["forecast"] == pytest.approx(1 - edit[form]["forecast"], abs=1e-5)
    assert edit[form]["forecast_low"] < edit[form]["forecast"] < edit[form]["forecast_high"]


def posterior(
    t: np.ndarray, z: np.ndarray, variance: np.ndarray, mean: list[float], sd: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a line's two numbers under a normal prior, in closed form."""
    A = np.column_stack([np.ones(len(t)), t])
    precision = A.T @ np.diag(1 / variance) @ A + np.diag(1 / np.square(sd))
    return np.linalg.solve(precision, A.T @ (z / variance) + np.array(mean) / np.square(sd)), np.linalg.inv(precision)


def interval(at: float, variance: float, beyond: float) -> np.ndarray:
    """5% and 95% quantiles of a normal number plus half a normal one."""
    rng, n = np.random.default_rng(8), 400_000
    drawn = at + np.sqrt(variance) * rng.standard_normal(n) + beyond * np.maximum(rng.standard_normal(n), 0)
    return np.quantile(drawn, [0.05, 0.95])


@pytest.mark.parametrize("metric", [EM, NLL])
def test_a_straight_form_is_bayesian_regression_from_end_to_end(metric: str) -> None:
    """The two forms that are lines on their scale: 12 rungs, 8 fitted, of which 5 on trial; 40 items, rough curves."""
    decades, many, error = X[1] - X[0], replace(CONVENTIONS, draws=20_000), 0.03 if metric == EM else 0.3
    if metric == EM:
        m = np.round(40 * expit(1.1 * (X - 21.8) + 0.9 * np.cos(3 * X))) / 40
        smoothed = (40 * m + 0.5) / 41
        z, variance = (
            np.log(smoothed / (1 - smoothed)),
            (0.03**2 + 0.5 / 40**2) / (smoothed * (1 - smoothed)) ** 2 + 0.04,
        )
        form, sds, slope = "line in logits", [5.0, 2.0], 1.0
        starts = [z[n] for n in (4, 7)]  # of the prior of the last rung
        loss = [np.log(-np.log(smoothed[n])) for n in (4, 7)]
        assert starts == pytest.approx([-np.exp(x) - np.log(-np.expm1(-np.exp(x))) for x in loss])
    else:
        m = LAW * 6 * np.exp(0.2 * np.cos(3 * X))  # from 18 nats, where a logit would be an 18th of a log nat, down
        z = -np.log(m + 0.01)
        per_logit = np.maximum((1 - np.exp(-m)) / (m + 0.01), 0.25)
        variance = (0.3 / (m + 0.01)) ** 2 + (0.2 * per_logit) ** 2
        form, sds, slope = "power law", [3.0, 1.5], 0.3
        starts = [z[n] for n in (4, 7)]
    row = by_form(forecasts(curves(X, {("sub", metric): m}, n=40, standard_error=error), None, many), metric)[form]

    trial, _ = posterior(X[:5] - X[4], z[:5], variance[:5], [starts[0], slope], sds)
    held = trial[0] + trial[1] * (X[5:8] - X[4])
    assert row["held_out_error"] == pytest.approx(np.sqrt(np.mean((held - z[5:8]) ** 2 / variance[5:8])), rel=1e-4)
    at, covariance = posterior(X[:8] - X[7], z[:8], variance[:8], [starts[1], slope], sds)
    top = np.array([1.0, 4 * decades])
    found, chi2 = float(top @ at), float(np.sum((at[0] + at[1] * (X[:8] - X[7]) - z[:8]) ** 2 / variance[:8]))
    if metric == EM:
        p = float(np.clip(expit(np.array(found)), 0.5 / 41, 1 - 0.5 / 41))
        noise, own, sd = 1 / (40 * p * (1 - p)) + 0.04, lambda y: (41 * expit(y) - 0.5) / 40, 0.8
    else:
        nats = np.exp(-found) - 0.01
        noise = (0.3 / (m[7] + 0.01)) ** 2 + (0.2 * max((1 - np.exp(-nats)) / (nats + 0.01), 0.25)) ** 2
        own, sd = lambda y: np.exp(-y) - 0.01, 1.1
    assert row["forecast"] == pytest.approx(float(own(found)), rel=1e-4)
    scale = (3 + chi2) / (3 + 6)
    low, high = np.sort(own(interval(found, scale * (top @ covariance @ top + noise), sd * 4 * decades)))
    ends = (row["forecast_low"] + 0.01, row["forecast_high"] + 0.01)  # an NLL of 0 is .01 on its scale
    expected = (max(low, 0), min(high, 1 if metric == EM else np.inf))
    assert ends == pytest.approx((expected[0] + 0.01, expected[1] + 0.01), rel=0.04)


def test_the_mean_of_two_forms_by_hand() -> None:
    """Errors of 0 and .3 weigh 10 and 2.5: four fifths and one."""
    one = np.repeat([[0.0], [1.0]], 1000, axis=1)
    told = Told(("a", "b"), np.array([[1.0, 2.0], [6.0, 12.0]]), np.array([0.0, 0.3]), np.array([1.0, 2.0]), one, 0.5)
    mean = told.mean()
    assert mean.held.tolist() == [pytest.approx([2.0, 4.0])]
    assert (mean.top[0], mean.error, mean.drawn.mean()) == pytest.approx((1.2, 0.06, 0.2))


def test_draws_of_the_top_do_not_know_how_many_items_it_has() -> None:
    table = curves(X, {("sub", EM): expit(0.8 * (X - 21))})
    fewer = table.with_columns(n=pl.when(pl.col("model") == "model11").then(20).otherwise("n"))
    drawn = []
    for of in (table, fewer):
        [curve] = read_curves(of)
        drawn.append(tournament(curve, None, 8, CONVENTIONS, np.random.default_rng(1)).drawn)
    assert (drawn[0] == drawn[1]).all()


def test_without_an_nll_of_the_same_rungs_there_are_no_two_stages() -> None:
    score = expit(0.8 * (X - 21))
    alone = forecasts(curves(X, {("sub", EM): score}))
    assert "two stages" not in alone["form"].to_list()
    table = curves(X, {("sub", EM): score, ("sub", NLL): LAW})
    fewer = forecasts(table.filter((pl.col("metric") == EM) | (pl.col("model") != "model03")))
    assert "two stages" not in fewer["form"].to_list()


def test_errors_of_an_nll_count_the_floor() -> None:
    """(f - r) / (r + .01): half of .01 nats too much is no error of 100%."""
    steady = np.array([*LAW[:-1], 0.005])
    for row in forecasts(curves(X, {("sub", NLL): steady})).rows(named=True):
        assert row["relative_error"] == pytest.approx((row["forecast"] - 0.005) / 0.015)
        assert row["within_5_percent"] == (abs(row["forecast"] - 0.005) <= 0.05 * 0.015)
    nothing = forecasts(curves(X, {("sub", NLL): np.array([*LAW[:-1], 0.0])})).row(0, named=True)
    assert nothing["relative_error"] == pytest.approx(nothing["forecast"] / 0.01)


def test_nothing_above_the_fitted_part_is_looked_at() -> None:
    score, nats = expit(0.8 * (X - 21)), LAW.copy()
    blind = ["form", "held_out_error", "weight", "forecast", "forecast_low", "forecast_high"]
    told = forecasts(curves(X, {("sub", EM): score, ("sub", NLL): nats}))
    score[8:], nats[8:] = np.linspace(0.3, 0, 4), 9.0
    other = forecasts(curves(X, {("sub", EM): score, ("sub", NLL): nats}))
    assert told.select(blind).equals(other.select(blind))
    assert set(other["realised"]) == {0.0, 9.0}


def test_the_mean_weighs_forms_by_their_error_on_rungs_held_out() -> None:
    found = forecasts(curves(X, {("sub", NLL): LAW * (1 + 0.1 * np.cos(5 * X))})).rows(named=True)
    mean, forms = found[0], found[1:]
    assert (mean["form"], mean["weight"], mean["held_out_error"], mean["won"]) == (MEAN, None, None, None)
    weights = 1 / (np.array([row["held_out_error"] for row in forms]) + 0.1)
    assert [row["weight"] for row in forms] == pytest.approx(weights / weights.sum())
    logs = np.log([row["forecast"] + 0.01 for row in forms])
    assert np.log(mean["forecast"] + 0.01) == pytest.approx(weights @ logs / weights.sum())
    errors = np.abs(logs - np.log(mean["realised"] + 0.01))
    assert [row["won"] for row in forms] == [i == errors.argmin() for i in range(3)]


@pytest.mark.parametrize(("metric", "top"), [(NLL, 0.1), (EM, 0.9)])
def test_intervals_hold_noisy_laws(metric: str, top: float) -> None:
    rng = np.random.default_rng(17)
    means = {}
    for i in range(60):
        noise = 0.2 * rng.standard_normal(len(X))  # rung noise in logits, as the prior has it
        if metric == EM:
            means[f"sub{i:02d}", EM] = rng.binomial(500, expit(0.8 * (X - 21) + noise)) / 500
        else:
            p = np.exp(-LAW)
            means[f"sub{i:02d}", NLL] = np.logaddexp(0, -(np.log(p / (1 - p)) + noise))
    found = forecasts(curves(X, means)).filter(form=MEAN)
    assert found["inside_interval"].mean() >= 0.85
    wide = (found["forecast_high"] - found["forecast_low"]).median()
    assert wide < 9 * top


@pytest.mark.parametrize(("best", "above"), [(0.1, False), (0.101, True)])
def test_forecasts_are_split_by_whether_a_fitted_rung_is_above_the_elbow(best: float, above: bool) -> None:
    """Exact match over .1 on one of the eight fitted rungs; what lies above them does not count."""
    exact = np.array([0, 0, 0, best, 0.05, 0, 0, 0, 0.9, 0.9, 0.9, 0.9])
    found = forecasts(curves(X, {("sub", EM): exact, ("sub", NLL): LAW}))
    assert found["above_elbow"].unique().to_list() == [above]


def test_the_elbow_of_a_choice_is_above_its_chance() -> None:
    """.25 + .1 of what is left is .325."""
    told = {"subtask": "sub", "metric": GRADE, "chance": 0.25}
    for best, above in ((0.32, False), (0.33, True)):
        table = curves(X, {("sub", GRADE): np.array([0.25] * 7 + [best] + [0.9] * 4)})
        assert forecasts(table, verdicts(told))["above_elbow"].unique().to_list() == [above]
    assert forecasts(table)["above_elbow"].unique().to_list() == [None]  # nobody knows what guessing scores
    assert forecasts(curves(X, {("sub", NLL): LAW}))["above_elbow"].unique().to_list() == [None]


def test_forecasts_above_the_elbow_come_first_and_are_counted_apart() -> None:
    late = np.where(X > 22, 0.9, 0.02)
    table = curves(X, {("a", EM): late, ("b", EM): expit(0.8 * (X - 21)), ("c", EM): late})
    found = forecasts(table)
    assert found["above_elbow"].to_list() == [True] * 4 + [False] * 8
    counts = forecast_counts(found)
    assert counts.schema == FORECAST_COUNTS.empty().schema
    assert counts["form"].to_list()[:2] == [MEAN, "broken power law"]
    assert counts.select("above_elbow", "forecasts").unique(maintain_order=True).rows() == [(True, 1), (False, 2)]
    assert counts.filter("above_elbow")["won"].sum() == 1
    missed = counts.filter(form=MEAN, above_elbow=False).row(0, named=True)
    assert (missed["within_5_percent"], missed["won"]) == (0, None)
    assert missed["median_relative_error"] == pytest.approx(found.filter(form=MEAN)["relative_error"].abs()[1])
    assert missed["median_relative_error"] > 0.5


def test_all_of_the_items_right_is_not_beyond_a_forecast() -> None:
    mean = np.round(expit(1.2 * (X - 19.5)) * 50) / 50  # 50 of 50 at the top
    row = forecasts(curves(X, {("sub", EM): mean}, n=50, standard_error=0.03)).row(0, named=True)
    assert row["realised"] == row["forecast_high"] == 1
    assert row["inside_interval"]


@pytest.mark.parametrize(
    ("z", "score"),
    [
        (np.log(1.5 / 99.5), 0.01),  # 1 of 100 is fitted as (1 + 1/2) / 101
        (np.log(0.5 / 100.5), 0.0),
        (np.log(100.5 / 0.5), 1.0),
        (-9.0, 0.0),  # beyond the logits that 100 items can show
        (9.0, 1.0),
    ],
)
def test_a_forecast_is_told_as_a_mean_of_the_top_rungs_items(z: float, score: float) -> None:
    """Other rungs have 500 items: the value is compared with what the 100 of the top show."""
    means = {("sub", EM): np.full(12, 0.01), ("sub", EDIT): np.full(12, 0.01)}
    n = pl.when(pl.col("model") == "model11").then(100).otherwise(500)
    edit, exact = sorted(read_curves(curves(X, means).with_columns(n=n)), key=lambda curve: curve.key[3] == EM)
    assert unscaled(z, exact, CONVENTIONS) == pytest.approx(score, abs=1e-12)
    assert unscaled(z, edit, CONVENTIONS) == pytest.approx(1 - score, abs=1e-12)


def test_the_interval_holds_what_it_shows_to_hold() -> None:
    """A line in logits far beyond 50 of 50 has an interval of 1 to 1, and 50 of 50 is inside it."""
    mean = np.where(X < 20, 0.02, 1.0)
    found = forecasts(curves(X, {("sub", EM): mean, ("sub", EDIT): 1 - mean}, n=50, standard_error=0.0))
    shown = found["forecast_low"].le(found["realised"]) & found["realised"].le(found["forecast_high"])
    assert found["inside_interval"].to_list() == shown.to_list()
    assert found.filter(pl.col("forecast_low") == 1).height > 0


STEPS = np.array([2**i for i in range(10)] + list(range(1000, 144_000, 1000)))  # those of Pythia's checkpoints
TRAINING = np.log10(6 * 1.4e9 * 2_097_152.0 * STEPS)


def in_training(x: np.ndarray, means: dict[tuple[str, str], np.ndarray]) -> pl.DataFrame:
    return curves(x, means).with_columns(n_params=pl.lit(1.4e9))


@pytest.mark.parametrize(("offset", "scale", "exponent"), [(1.0, 3.0, 0.2), (0.5, 2.0, 0.2), (1.7, 8.0, 0.35)])
def test_a_law_in_tokens_is_forecast_from_the_first_tenth_of_training(
    offset: float, scale: float, exponent: float
) -> None:
    law = offset + scale * STEPS**-exponent
    row = forecasts(in_training(TRAINING, {("sub", NLL): law})).row(0, named=True)
    assert (row["along"], row["n_rungs"], row["n_rungs_fitted"]) == ("training", 153, 24)  # 1 to 512, 1000 to 14000
    assert row["fitted_share"] == pytest.approx(14 / 143, rel=1e-5)
    assert row["realised"] == pytest.approx(law[-1])
    assert abs(row["relative_error"]) < 0.1
    assert row["inside_interval"]
    with_offset = by_form(forecasts(in_training(TRAINING, {("sub", NLL): law})), NLL)["power law with offset"]
    assert abs(with_offset["relative_error"]) < 0.04


def test_few_checkpoints_are_fitted_beyond_the_first_tenth() -> None:
    share = np.array([0.02, 0.04, 0.1, 0.2, 0.5, 1.0])  # the third ends the first tenth
    x = 16 + np.log10(share)
    law = {("sub", NLL): 2 * share**-0.3}
    row = forecasts(in_training(x, law)).row(0, named=True)
    assert (row["n_rungs_fitted"], round(row["fitted_share"], 5)) == (4, 0.2)
    assert row["forecast"] == pytest.approx(2, rel=0.1)
    early = forecasts(in_training(x - (x < 15.5), law)).row(0, named=True)  # four within the first tenth, and no more
    assert (early["n_rungs_fitted"], round(early["fitted_share"], 5)) == (4, 0.02)
    sizes = forecasts(curves(x, law)).row(0, named=True)
    assert (sizes["along"], sizes["n_rungs_fitted"], round(sizes["fitted_share"], 5)) == ("size", 4, 0.2)
    short = forecasts(in_training(x[:4], {("sub", NLL): law["sub", NLL][:4]})).row(0, named=True)
    assert short["reason"] == "4 checkpoints, at least 5 are needed: 4 to fit"
    assert short["fitted_share"] is None


def test_what_is_forecast_and_why_not() -> None:
    short = forecasts(curves(X[:5], {("sub", EM): X[:5] / 30})).row(0, named=True)
    assert short["forecast"] is None
    assert short["reason"] == "3 rungs in the lower 60% of the ladder, at least 4 are needed"
    unknown = forecasts(curves(X, {("sub", EM): X / 30}, standard_error=None)).row(0, named=True)
    assert unknown["reason"] == "no standard error is known"
    gone = forecasts(curves(X, {("sub", EDIT): np.linspace(0.9, 0, 12)})).row(0, named=True)
    assert gone["relative_error"] is None
    assert gone["reason"] == "no relative error: the realised value is 0"
    counted = ["forecasts", "with_relative_error", "within_5_percent", "median_relative_error"]
    means = {("gone", EDIT): np.linspace(0.9, 0, 12), ("steady", EDIT): np.full(12, 0.5)}
    both = forecast_counts(forecasts(curves(X, means))).filter(form=MEAN)
    assert both.select(counted[:3]).rows() == [(2, 1, 1)]
    alone = forecast_counts(forecasts(curves(X, {("gone", EDIT): means["gone", EDIT]}))).filter(form=MEAN)
    assert alone.select(counted).rows() == [(1, 0, 0, None)]
    controls = curves(X, {("sub", "target_probability"): X / 30, ("sub", "brier_score"): X / 30})
    assert forecasts(controls).equals(FORECASTS.empty())
    assert forecast_counts(forecasts(curves(X, {}))).equals(FORECAST_COUNTS.empty())


def test_wild_rungs_warn_of_nothing() -> None:
    rng = np.random.default_rng(5)
    wild = {
        (f"s{i}", m): v
        for i in range(6)
        for m, v in ((EM, rng.integers(0, 2, 12) * 1.0), (NLL, rng.uniform(0, 60, 12)))
    }
    found = forecasts(curves(X, wild, n=10))
    assert found["forecast_high"].is_finite().all()
    assert (found["forecast_low"] <= found["forecast_high"]).all()
