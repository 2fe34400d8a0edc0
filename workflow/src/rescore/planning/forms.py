"""The forms that forecasts are made with: curves in decades of compute, by least squares with weak priors."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit

from rescore.planning.curves import Floats

Model = Callable[[Floats, Floats], Floats]
"""Parameters [p, ...] and places, to values on the scale of the fit; each parameter broadcasts with the places."""

_BREAKS = (0.25, 0.6)  # where a break is tried first, as shares of the fitted part from its end
_STEP = 1e-6  # of a prior's sd, for the Jacobian


class Prior(NamedTuple):
    """Mean and standard deviation of each parameter, and where the search starts; [p] each."""

    mean: Sequence[float]
    sd: Sequence[float]
    starts: Sequence[Sequence[float]] = ()


class Form(NamedTuple):
    """A name, a curve, and its prior given the decades that the fitted rungs span and the log loss of the last."""

    name: str
    model: Model
    prior: Callable[[float, float], Prior]


class Fit(NamedTuple):
    """Parameters at the optimum [p], their covariance [p, p], and chi-squared of the rungs."""

    at: Floats
    covariance: Floats
    chi2: float

    def scale(self, rungs: int, prior_df: float) -> float:
        """Return the variance of the rungs over what was assumed, moderated by its prior (Smyth 2004)."""
        return (prior_df + self.chi2) / (prior_df + max(rungs - len(self.at), 0))

    def drawn(self, scale: float, draws: int, rng: np.random.Generator) -> Floats:
        """Draw parameters from the normal approximation at the optimum: [p, draws]."""
        return rng.multivariate_normal(self.at, self.covariance * scale, draws, method="cholesky").T


def fit(model: Model, x: Floats, z: Floats, variance: Floats, prior: Prior) -> Fit:
    """Fit z = model(parameters, x) by least squares, each parameter held by its normal prior; x, z, variance [rungs].

    The prior keeps from running away what the rungs do not tell: an offset that they do not show, a break that they do
    not have. From several starts, the best end counts.

    >>> line = fit(_line, np.array([-1.0, 0.0]), np.array([1.0, 3.0]), np.full(2, 1e-6), Prior([0, 0], [9, 9]))
    >>> line.at.round(3).tolist()
    [3.0, 2.0]
    """
    mean, sd, weight = np.array(prior.mean, float), np.array(prior.sd, float), 1 / np.sqrt(variance)
    step = _STEP * sd

    def residual(at: Floats) -> Floats:
        return np.concatenate([(model(at, x) - z) * weight, (at - mean) / sd])

    def jacobian(at: Floats) -> Floats:
        moved = model(np.column_stack([at, at[:, None] + np.diag(step)]), x[:, None])  # [rungs, 1 + p]
        return np.concatenate([(moved[:, 1:] - moved[:, :1]) / step * weight[:, None], np.diag(1 / sd)])

    found = [
        least_squares(residual, start, jacobian, method="lm", x_scale=sd, xtol=1e-6, ftol=1e-6)
        for start in prior.starts or [prior.mean]
    ]
    best = min(found, key=lambda one: float(one.cost))
    J = jacobian(best.x)
    covariance = np.asarray(np.linalg.inv(J.T @ J), float)
    return Fit(best.x, covariance, float(np.square(best.fun[: len(x)]).sum()))


def logit_of(log_loss: Floats) -> Floats:
    """Bring log(-log m) of a bounded score m to its logit.

    >>> round(float(logit_of(np.log(-np.log(np.array(0.5))))), 12)
    0.0
    """
    loss = np.exp(np.clip(log_loss, -30.0, 6.0))
    return np.asarray(-loss - np.log(-np.expm1(-loss)))


def _line(at: Floats, t: Floats) -> Floats:
    return np.asarray(at[0] + at[1] * t)


def _power(at: Floats, t: Floats) -> Floats:
    return np.asarray(at[0] - at[1] * t)


def _offset(at: Floats, t: Floats) -> Floats:
    return np.asarray(np.logaddexp(at[2], at[0] - at[1] * t))


def _broken(at: Floats, t: Floats) -> Floats:
    """One smooth break: slope at[1] before the place at[3], at[2] after it, over exp(at[4]) decades."""
    width = np.exp(np.clip(at[4], -4.0, 2.0))
    bend = width * np.logaddexp(0.0, np.clip((t - at[3]) / width, -500.0, 500.0))
    return np.asarray(at[0] - at[1] * t - (at[2] - at[1]) * bend)


def _of_power(_span: float, last: float) -> Prior:
    return Prior([last, 0.3], [3.0, 1.5])


def _of_offset(_span: float, last: float) -> Prior:
    return Prior([last, 0.3, last - 3.0], [3.0, 1.5, 2.0])


def _of_broken(span: float, last: float) -> Prior:
    rest = [last, 0.3, 0.5]
    starts = [[*rest, -span * share, np.log(0.3)] for share in _BREAKS]
    return Prior([*rest, -span / 2, np.log(0.3)], [3.0, 1.5, 1.5, span / 2, 0.5], starts)


def _of_line(_span: float, last: float) -> Prior:
    return Prior([float(logit_of(np.array(last))), 1.0], [5.0, 2.0])


def _nats(model: Model) -> Model:
    return lambda at, t: -model(at, t)


def _bounded(model: Model) -> Model:
    return lambda at, t: logit_of(model(at, t))


OF_NATS = (
    Form("power law", _nats(_power), _of_power),
    Form("power law with offset", _nats(_offset), _of_offset),
    Form("broken power law", _nats(_broken), _of_broken),
)
"""Of an NLL, on the scale -log(NLL + floor): A C^-a, E + A C^-a, and with one break (Caballero et al. 2022)."""

OF_BOUNDED = (
    Form("line in logits", _line, _of_line),
    Form("power law in log accuracy", _bounded(_power), _of_power),
    Form("broken power law", _bounded(_broken), _of_broken),
)
"""Of a bounded score m, on the scale logit m. Power laws are in -log m (Krajewski et al. 2025)."""


def sigmoid_of_nll(at: Floats, nll: Floats) -> Floats:
    """Logit of a score that is a sigmoid of NLL above a floor: the second stage of Bhagia et al. (2024).

    Their upper end is left at 1: the rungs that are fitted seldom show another.
    """
    floor = expit(at[2])
    score = np.clip(floor + (1 - floor) * expit(at[0] + at[1] * nll), 1e-9, 1 - 1e-9)
    return np.asarray(np.log(score / (1 - score)))


OF_SIGMOID = Prior([0.0, -4.0, -4.0], [5.0, 4.0, 2.0])
"""Logit of the score at an NLL of 0, logits per nat, and logit of the floor."""
