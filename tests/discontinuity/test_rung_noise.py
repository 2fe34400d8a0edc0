"""Rung noise measured from seeds or the last checkpoints, by hand and by statsmodels, and said in the table."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from rescore.discontinuity import Settings, analyse
from rescore.discontinuity.conventions import CONVENTIONS
from rescore.discontinuity.rung_noise import rung_noise
from rescore.simulate import Truth, simulated_ladder, simulated_scores

X = np.linspace(18, 22, 5)


def nll_of(z: np.ndarray) -> np.ndarray:
    """NLL whose exp(-NLL) has log odds z."""
    return np.log1p(np.exp(-z))


def test_two_seeds_by_hand() -> None:
    """Variances .6^2 / 2 = .18 of 1 degree of freedom, whose median is .4549: .3957; 5 x .6366 = 3.183 of them."""
    z = np.repeat([-2.0, -1.0, 0.0, 1.0, 2.0], 2) + np.tile([0.0, 0.6], 5)
    found = rung_noise(X, nll_of(z), [2] * 5, CONVENTIONS)
    assert found.source == "seeds"
    assert found.logits == pytest.approx(np.sqrt((3 * 0.04 + 3.1831 * 0.18 / 0.45494) / 6.1831), rel=1e-4)
    assert found.put_into(CONVENTIONS) == replace(CONVENTIONS, rung_sd_logits=found.logits)


def test_a_size_at_which_one_seed_has_broken_is_no_noise_of_the_others() -> None:
    z = np.repeat([-2.0, -1.0, 0.0, 1.0, 2.0], 3) + np.tile([0.0, 0.1, 0.2], 5)
    quiet = rung_noise(X, nll_of(z), [3] * 5, CONVENTIONS).logits
    z[7] += 4
    assert rung_noise(X, nll_of(z), [3] * 5, CONVENTIONS).logits == pytest.approx(quiet)


@pytest.mark.parametrize("sd", [0.05, 0.4])
def test_many_seeds_outweigh_the_convention(sd: float) -> None:
    rng = np.random.default_rng(0)
    z = np.repeat(np.linspace(-2, 2, 40), 6) + sd * rng.standard_normal(240)
    found = rung_noise(np.linspace(18, 22, 40), nll_of(z), [6] * 40, CONVENTIONS)
    df = 2 / np.pi * 200
    assert found.logits == pytest.approx(np.sqrt((3 * 0.04 + df * sd**2) / (3 + df)), rel=0.1)


def test_the_last_checkpoints_differ_by_noise_about_a_line() -> None:
    steps = np.array([1, 2, 4, 8, 16, 32, 64, 79, 81, 85, 88, 92, 96, 100.0])
    x = 18 + np.log10(steps / 100)
    rng = np.random.default_rng(1)
    z = -3 + 1.5 * (x - 16) + 0.3 * rng.standard_normal(len(x))
    found = rung_noise(x, nll_of(z), [1] * 14, CONVENTIONS, in_training=True)
    mse = sm.OLS(z[8:], sm.add_constant(x[8:])).fit().mse_resid  # 6 checkpoints from 80% on, 4 degrees of freedom
    assert found.source == "checkpoints"
    assert found.logits == pytest.approx(np.sqrt((3 * 0.04 + 4 * mse) / 7))
    few = rung_noise(x[:-2], nll_of(z[:-2]), [1] * 12, CONVENTIONS, in_training=True)  # of 92: 79, 81, 85, 88, 92
    assert few.source == "checkpoints"
    assert rung_noise(x[:-4], nll_of(z[:-4]), [1] * 10, CONVENTIONS, in_training=True).source == "convention"


def test_without_seeds_and_checkpoints_the_convention_stays() -> None:
    assert rung_noise(X, np.ones(5), [1] * 5, CONVENTIONS) == (0.2, "convention")
    assert rung_noise(X, None, [3] * 5, CONVENTIONS) == (0.2, "convention")


def test_seeds_of_too_few_sizes_or_under_the_floor_measure_nothing() -> None:
    z = np.array([-2.0, -1.0, 0.0, 1.0, 2.0, 2.0, 5.0])
    assert rung_noise(X, nll_of(z), [1, 1, 1, 1, 3], CONVENTIONS) == (0.2, "convention")  # one of three has broken
    assert rung_noise(X, np.full(15, 0.001), [3] * 5, CONVENTIONS) == (0.2, "convention")


def test_the_last_fifth_is_one_of_compute_alone() -> None:
    steps = pl.DataFrame({"ladder": "L", "model": [f"m{i:02d}" for i in range(12)], "n_params": 1e6}).with_columns(
        compute_flops=pl.Series([10.0**e for e in np.r_[15:18:0.5, 17.96:18.01:0.009]])
    )
    steps = steps.with_columns(pretraining_loss_nats=20 - pl.col("compute_flops").log10())
    scores = simulated_scores({"t": Truth(shape="chain")}, steps, n_items=60)
    for axis, source in (("compute_flops", "checkpoints"), ("pretraining_loss_nats", "convention")):
        found = analyse(scores, steps, Settings(draws=99, axis=axis)).cliffs
        assert found["rung_noise_from"].to_list() == [source]


def test_the_table_says_what_noise_was_used() -> None:
    truth = {"t": Truth(shape="chain")}
    for seeds, source in ((1, "convention"), (3, "seeds")):
        ladder = simulated_ladder(rungs=6, seeds=seeds)
        found = analyse(simulated_scores(truth, ladder, n_items=60), ladder, Settings(draws=99)).cliffs
        assert found["rung_noise_from"].to_list() == [source]
        assert (found["rung_noise_logits"][0] == 0.2) == (source == "convention")
    steps = pl.DataFrame({"ladder": "L", "model": [f"m{i:02d}" for i in range(12)], "n_params": 1e6}).with_columns(
        compute_flops=pl.Series(
            [10.0**e for e in (15, 15.5, 16, 16.5, 17, 17.5)] + [0.9e18 + 2e16 * i for i in range(6)]
        )
    )
    found = analyse(simulated_scores(truth, steps, n_items=60), steps, Settings(draws=99)).cliffs
    assert found["rung_noise_from"].to_list() == ["checkpoints"]
