"""Forecasts of planted scaling laws: right on the law, covered at the stated rate, null where there is no telling."""

import numpy as np
import polars as pl
import pytest
from diagnostic_tables import curves, expit

from rescore.planning import forecasts

X = np.linspace(18, 24, 12)
NLL, EM, EDIT = "nll_nats_per_token", "exact_match", "token_edit_distance"


def power_law(offset: float = 0.0, exponent: float = 0.2) -> np.ndarray:
    return offset + 2.0 * 10 ** (-exponent * (X - 18))


def test_a_power_law_is_forecast_exactly() -> None:
    row = forecasts(curves(X, {("sub", NLL): power_law()})).row(0, named=True)
    assert row["form"] == "power law"
    assert row["exponent"] == pytest.approx(0.2)
    assert row["forecast"] == pytest.approx(power_law()[-1])
    assert row["forecast_low"] < row["forecast"] < row["forecast_high"]
    assert row["within_5_percent"]
    assert row["n_rungs_fitted"] == 8  # 60% of 12, rounded up


def test_an_offset_is_found_where_the_lower_part_shows_it() -> None:
    y = power_law(offset=0.5, exponent=0.7)
    row = forecasts(curves(X, {("sub", NLL): y}, standard_error=0.002)).row(0, named=True)
    assert row["form"] == "power law with offset"
    assert row["offset_nats"] == pytest.approx(0.5, abs=0.01)
    assert row["exponent"] == pytest.approx(0.7, abs=0.02)
    assert abs(row["relative_error"]) < 0.02
    assert row["inside_interval"]
    slight = forecasts(curves(X, {("sub", NLL): power_law(offset=0.1)})).row(0, named=True)
    assert slight["form"] == "power law"  # the lower part does not tell, but the interval knows of it
    assert slight["inside_interval"]


def test_link_lines_are_forecast_in_the_metrics_own_direction() -> None:
    rises = expit(0.8 * (X - 21))
    found = forecasts(curves(X, {("sub", EM): rises, ("sub", EDIT): 1 - rises}, n=100_000)).sort("metric")
    exact, edit = found.rows(named=True)
    assert exact["form"] == edit["form"] == "logit-linear"
    assert exact["forecast"] == pytest.approx(rises[-1], abs=1e-3)
    assert edit["forecast"] == pytest.approx(1 - rises[-1], abs=1e-3)
    assert edit["forecast_low"] < edit["forecast"] < edit["forecast_high"]
    errors = [row["relative_error"] * row["realised"] for row in (edit, exact)]
    assert errors[0] == pytest.approx(-errors[1])


@pytest.mark.parametrize(("metric", "offset"), [(NLL, 0.0), (NLL, 0.3), (EM, 0.0)])
def test_intervals_cover_noisy_laws(metric: str, offset: float) -> None:
    rng = np.random.default_rng(17)
    means = {}
    for i in range(150):
        shift = 0.2 * rng.standard_normal(len(X))  # rung noise in logits, as the prior has it
        error = 0.01 * rng.standard_normal(len(X))
        if metric == EM:
            means[f"sub{i:03d}", EM] = np.clip(expit(0.8 * (X - 21) + shift) + error, 0, 1)
        else:
            p = np.exp(-power_law(offset))
            means[f"sub{i:03d}", NLL] = np.logaddexp(0, -(np.log(p / (1 - p)) + shift)) * (1 + error)
    found = forecasts(curves(X, means))
    assert found["inside_interval"].mean() >= 0.88
    wide = (found["forecast_high"] - found["forecast_low"]) / found["forecast"]
    assert wide.median() < 3.5


def test_a_cliff_after_the_fitted_part_is_missed() -> None:
    steps = np.where(X > 22, 0.9, 0.02)
    row = forecasts(curves(X, {("sub", EM): steps})).row(0, named=True)
    assert not row["inside_interval"]
    assert row["relative_error"] < -0.5


def test_all_of_the_items_right_is_not_beyond_a_forecast() -> None:
    mean = np.round(expit(1.2 * (X - 19.5)) * 50) / 50  # 50 of 50 at the top
    row = forecasts(curves(X, {("sub", EM): mean}, n=50, standard_error=0.03)).row(0, named=True)
    assert row["realised"] == 1
    assert row["inside_interval"]


STEPS = np.array([2**i for i in range(10)] + list(range(1000, 144_000, 1000)))  # those of Pythia's checkpoints
TRAINING = np.log10(6 * 1.4e9 * 2_097_152.0 * STEPS)


def in_training(x: np.ndarray, means: dict[tuple[str, str], np.ndarray], standard_error: float = 0.01) -> pl.DataFrame:
    return curves(x, means, standard_error=standard_error).with_columns(n_params=pl.lit(1.4e9))


@pytest.mark.parametrize(("offset", "scale", "exponent"), [(1.0, 3.0, 0.2), (0.5, 2.0, 0.2), (1.7, 8.0, 0.35)])
def test_a_law_in_tokens_is_forecast_from_the_first_tenth_of_training(
    offset: float, scale: float, exponent: float
) -> None:
    law = offset + scale * STEPS**-exponent
    row = forecasts(in_training(TRAINING, {("sub", NLL): law})).row(0, named=True)
    assert (row["along"], row["n_rungs"], row["n_rungs_fitted"]) == ("training", 153, 24)  # 1 to 512, 1000 to 14000
    assert row["fitted_share"] == pytest.approx(14 / 143, rel=1e-5)
    assert row["form"] == "power law with offset"
    assert row["realised"] == pytest.approx(law[-1])
    assert abs(row["relative_error"]) < 0.02
    assert row["within_5_percent"]
    assert row["inside_interval"]


@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_intervals_along_training_cover_noisy_laws(offset: float) -> None:
    rng = np.random.default_rng(3)
    p = np.exp(-(offset + 3 * STEPS**-0.2))
    means = {
        (f"sub{i:03d}", NLL): np.logaddexp(0, -(np.log(p / (1 - p)) + 0.2 * rng.standard_normal(len(STEPS))))
        for i in range(100)
    }
    found = forecasts(in_training(TRAINING, means))
    assert 0.9 <= found["inside_interval"].mean() < 1
    assert ((found["forecast_high"] - found["forecast_low"]) / found["forecast"]).median() < 1


def test_few_checkpoints_are_fitted_beyond_the_first_tenth() -> None:
    share = np.array([0.02, 0.04, 0.1, 0.2, 0.5, 1.0])  # the third ends the first tenth
    x = 16 + np.log10(share)
    law = {("sub", NLL): 2 * share**-0.3}
    row = forecasts(in_training(x, law)).row(0, named=True)
    assert (row["n_rungs_fitted"], round(row["fitted_share"], 5)) == (4, 0.2)
    assert row["forecast"] == pytest.approx(2)
    early = forecasts(in_training(x - (x < 15.5), law)).row(0, named=True)  # four within the first tenth, and no more
    assert (early["n_rungs_fitted"], round(early["fitted_share"], 5)) == (4, 0.02)
    sizes = forecasts(curves(x, law)).row(0, named=True)
    assert (sizes["along"], sizes["n_rungs_fitted"], round(sizes["fitted_share"], 5)) == ("size", 4, 0.2)
    short = forecasts(in_training(x[:4], {("sub", NLL): law["sub", NLL][:4]})).row(0, named=True)
    assert short["reason"] == "4 checkpoints, at least 5 are needed: 4 to fit"
    assert short["fitted_share"] is None


def test_reasons() -> None:
    short = forecasts(curves(X[:5], {("sub", EM): X[:5] / 30})).row(0, named=True)
    assert short["forecast"] is None
    assert short["reason"] == "3 rungs in the lower 60% of the ladder, at least 4 are needed"
    unknown = forecasts(curves(X, {("sub", EM): X / 30}, standard_error=None)).row(0, named=True)
    assert unknown["reason"] == "no standard error is known"
    gone = forecasts(curves(X, {("sub", EDIT): np.linspace(0.9, 0, 12)})).row(0, named=True)
    assert gone["relative_error"] is None
    assert gone["reason"] == "no relative error: the realised value is 0"
    assert isinstance(forecasts(curves(X, {})), pl.DataFrame)
