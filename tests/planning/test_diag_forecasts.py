"""Forecasts of planted scaling laws: right on the law, covered at the stated rate, null where there is no telling."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from diagnostic_tables import curves, expit
from scipy.optimize import curve_fit
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from rescore.discontinuity.conventions import CONVENTIONS
from rescore.planning import forecasts
from rescore.planning.power_law import fit_line, offset_laws

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


def p_of_an_offset(nll: np.ndarray, error: float, k: int = 8) -> float:
    """p of the plain power law against one with an offset, in the first `k` of X; by scipy's own fits of log NLL.

    The variance of log NLL is that of the mean, (error / NLL)^2, and rung noise of .2 logits, a logit being
    (1 - exp(-NLL)) / NLL there. The scale has the prior's degrees of freedom beside the fit's.
    """
    x, y = X[:k] - 18, np.log(nll[:k])
    sd = np.hypot(error / nll[:k], CONVENTIONS.rung_sd_logits * (1 - np.exp(-nll[:k])) / nll[:k])

    def misfit(law: Callable[..., np.ndarray], start: tuple[float, ...], bounds: tuple[Any, Any]) -> float:
        found, _ = curve_fit(law, x, y, p0=start, sigma=sd, bounds=bounds)
        return float((((y - law(x, *found)) / sd) ** 2).sum())

    plain = misfit(lambda x, a, b: a - b * x, (1.0, 0.5), (-np.inf, np.inf))
    most = nll[:k].min()
    offset = misfit(lambda x, a, b, e: np.log(e + np.exp(a - b * x)), (1.0, 0.5, most / 2), ([-9, 0, 0], [9, 9, most]))
    d0 = CONVENTIONS.prior_df
    df = d0 + k - 3
    return float(f_distribution.sf((plain - offset) * df / (d0 + offset), 1, df))


@pytest.mark.parametrize(
    ("exponent", "p", "form"), [(0.3, 0.0304, "power law"), (0.35, 0.0074, "power law with offset")]
)
def test_an_offset_is_taken_where_its_p_is_below_a_hundredth(exponent: float, p: float, form: str) -> None:
    nll = power_law(offset=0.3, exponent=exponent)
    assert p_of_an_offset(nll, 0.002) == pytest.approx(p, abs=0.0001)
    row = forecasts(curves(X, {("sub", NLL): nll}, standard_error=0.002)).row(0, named=True)
    assert row["form"] == form


@pytest.mark.parametrize(("rungs", "form"), [(8, "power law"), (9, "power law with offset")])
def test_an_offset_needs_six_fitted_rungs(rungs: int, form: str) -> None:
    """60% of 8 are 5, of 9 are 6."""
    x = np.linspace(18, 24, rungs)
    nll = 0.5 + 2 * 10 ** (-0.9 * (x - 18))
    assert forecasts(curves(x, {("sub", NLL): nll}, standard_error=0.002))["form"].to_list() == [form]


def test_a_line_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(2)
    x, z, variance = X[:6], rng.standard_normal(6), rng.uniform(0.5, 2.0, 6)
    fit = sm.WLS(z, sm.add_constant(x - 24), weights=1 / variance).fit()
    line = fit_line(x, z, variance, 24.0)
    assert (line.at_top, line.slope) == pytest.approx(tuple(fit.params))
    assert line.variance == pytest.approx(fit.normalized_cov_params[0, 0])
    assert line.rss == pytest.approx(fit.ssr)


def test_laws_with_given_offsets_are_those_of_scipy() -> None:
    x, offsets = X[:8], np.array([0.0, 0.2, 0.3])
    nll = power_law(offset=0.3, exponent=0.4)[:8] * np.exp(0.03 * np.cos(5 * x))
    variance = np.linspace(0.5, 2.0, 8) * 1e-3
    laws = offset_laws(x, nll, variance, offsets, top=24.0)
    for i, offset in enumerate(offsets):

        def law(x: np.ndarray, at_top: float, slope: float, offset: float = offset) -> np.ndarray:
            return np.log(offset + np.exp(-at_top - slope * (x - 24)))

        found, covariance = curve_fit(law, x, np.log(nll), p0=(1.0, 0.5), sigma=np.sqrt(variance), absolute_sigma=True)
        assert (laws.at_top[i], laws.slope[i]) == pytest.approx(tuple(found), rel=1e-5)
        assert laws.variance[i] == pytest.approx(covariance[0, 0], rel=1e-3)
        assert laws.rss[i] == pytest.approx(float(((np.log(nll) - law(x, *found)) ** 2 / variance).sum()), rel=1e-6)


def test_the_interval_of_a_logit_line_is_students() -> None:
    """By statsmodels' weighted fit; the scale and its degrees of freedom with the prior's."""
    n, k, rises = 400, 8, expit(0.8 * (X - 21)) + 0.03 * np.cos(7 * X)
    row = forecasts(curves(X, {("sub", EM): rises}, n=n, standard_error=0.02)).row(0, named=True)
    m = (n * rises + 0.5) / (n + 1)
    variance = (0.02**2 + 0.5 / n**2) / (m * (1 - m)) ** 2 + CONVENTIONS.rung_sd_logits**2
    fit = sm.WLS(np.log(m / (1 - m))[:k], sm.add_constant(X[:k] - X[-1]), weights=1 / variance[:k]).fit()
    df = CONVENTIONS.prior_df + k - 2
    scale = (CONVENTIONS.prior_df + fit.ssr) / df
    half = t_distribution.ppf(0.975, df) * np.sqrt(scale * (fit.normalized_cov_params[0, 0] + variance[-1]))
    ends = [row["forecast_low"], row["forecast"], row["forecast_high"]]
    assert ends == pytest.approx(expit(fit.params[0] + np.array([-half, 0, half])).tolist(), rel=1e-6)


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
