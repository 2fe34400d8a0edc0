"""The forms of forecasts: each fit is the penalised least squares of its formula, done elsewhere another way."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import minimize

from rescore.planning.forms import OF_BOUNDED, OF_NATS, Prior, fit, logit_of, sigmoid_of_nll

T = np.linspace(-2.5, 0, 8)
VARIANCE = np.linspace(0.01, 0.05, 8)
FORMS = {form.name: form for form in OF_BOUNDED} | {f"{form.name} of nats": form for form in OF_NATS}


def power(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.exp(p[0]) * 10 ** (-p[1] * t / np.log(10))


def offset(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.exp(p[2]) + power(p, t)


def broken(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Caballero et al.'s b x^-c0 (1 + (x / d)^(1/f))^(-c1 f), x = e^t."""
    f = np.exp(p[4])
    return power(p, t) * (1 + np.exp((t - p[3]) / f)) ** (-(p[2] - p[1]) * f)


def line(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return -np.log(1 / (1 + np.exp(-(p[0] + p[1] * t))))


LOSSES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "line in logits": line,
    "power law in log accuracy": power,
    "broken power law": broken,
    "power law of nats": power,
    "power law with offset of nats": offset,
    "broken power law of nats": broken,
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_its_formula(name: str) -> None:
    """As the negative logarithm of a bounded score, or as nats."""
    form, loss = FORMS[name], LOSSES[name]
    at = np.array([0.2, 0.4, -1.5, -0.7, -1.0])[: len(form.prior(2.5, 0.0).mean)]
    if name.startswith("broken"):
        at[2] = 1.3
    z = form.model(at, T)
    told = np.exp(-z) if name.endswith("nats") else -np.log(1 / (1 + np.exp(-z)))
    assert told == pytest.approx(loss(at, T), rel=1e-9)
    many = form.model(np.column_stack([at, at + 0.1]), T[:, None])  # one column for each draw
    assert many[:, 0] == pytest.approx(z)
    assert many[:, 1] == pytest.approx(form.model(at + 0.1, T))


@pytest.mark.parametrize(("steep", "middle"), [(3, -1.0), (12, -1.5)])  # the second has two optima
@pytest.mark.parametrize("name", FORMS)
def test_a_fit_is_the_penalised_optimum(name: str, steep: float, middle: float) -> None:
    """By a simplex search over the same sum."""
    form = FORMS[name]
    z = 2 / (1 + np.exp(-steep * (T - middle))) + 0.1 * np.cos(9 * T)
    prior = form.prior(2.5, 0.4)
    mean, sd = np.array(prior.mean), np.array(prior.sd)

    def penalised(p: np.ndarray) -> float:
        return float(np.sum((form.model(p, T) - z) ** 2 / VARIANCE) + np.sum(((p - mean) / sd) ** 2))

    found = fit(form.model, T, z, VARIANCE, prior)
    options = {"maxiter": 40_000, "maxfev": 40_000, "xatol": 1e-9, "fatol": 1e-10}
    ends = [minimize(penalised, s, method="Nelder-Mead", options=options) for s in (*prior.starts, mean, found.at)]
    assert penalised(found.at) == pytest.approx(min(end.fun for end in ends), rel=1e-4)
    assert found.chi2 == pytest.approx(np.sum((form.model(found.at, T) - z) ** 2 / VARIANCE))


def test_a_line_is_that_of_bayesian_regression() -> None:
    """Posterior mean and covariance of a normal prior, in closed form."""
    z, prior = np.sin(T), Prior([0.5, 1.0], [0.3, 0.2])
    X = np.column_stack([np.ones(8), T])
    precision = X.T @ np.diag(1 / VARIANCE) @ X + np.diag([1 / 0.09, 1 / 0.04])
    expected = np.linalg.solve(precision, X.T @ (z / VARIANCE) + np.array([0.5 / 0.09, 1.0 / 0.04]))
    found = fit(FORMS["line in logits"].model, T, z, VARIANCE, prior)
    assert found.at == pytest.approx(expected, rel=1e-5)
    assert found.covariance == pytest.approx(np.linalg.inv(precision), rel=1e-4)
    assert found.scale(8, 3.0) == pytest.approx((3 + found.chi2) / (3 + 6))
    assert found.scale(1, 3.0) == pytest.approx((3 + found.chi2) / 3)  # fewer rungs than parameters
    drawn = found.drawn(2.0, 200_000, np.random.default_rng(0))
    assert np.cov(drawn) == pytest.approx(2 * found.covariance, rel=0.03)


def test_a_logit_from_a_log_loss() -> None:
    m = np.array([1e-4, 0.3, 0.999])
    assert logit_of(np.log(-np.log(m))) == pytest.approx(np.log(m / (1 - m)))


def test_the_second_stage_is_a_sigmoid_above_a_floor() -> None:
    """At no nats and at many: floor .2, logit 1 at 0, 2 less for each nat."""
    at = np.array([1.0, -2.0, np.log(0.2 / 0.8)])
    scores = 1 / (1 + np.exp(-sigmoid_of_nll(at, np.array([0.0, 0.5, 50.0]))))
    assert scores == pytest.approx([0.2 + 0.8 / (1 + np.exp(-1)), 0.2 + 0.8 / 2, 0.2])
